import type { Event } from '../core/events.ts'
import { type Fold, type FoldedLlm, foldInto } from '../core/fold.ts'
import { used } from '../core/limits/ledger.ts'
import { capacityOf } from '../core/types.ts'

/** What an event changed. */
export interface Change {
  /** Requests that wait and that run after it. */
  readonly waiting: number
  readonly running: number
  /** The status of its LLM, where that is another. */
  readonly status: { readonly llm: string; readonly from: string; readonly to: string } | null
  /** The limits of its LLM of which another amount is used, or another is in force. */
  readonly limits: readonly LimitChange[]
}

export interface LimitChange {
  readonly llm: string
  readonly limit: string
  readonly from: number
  readonly to: number
  readonly in_force: number
}

/** Folds an event, and tells what that changed beyond the time that passed. O(limits of its LLM + open requests). */
export function foldAndCompare(fold: Fold, event: Event): Change {
  const llm = llmOf(fold, event)
  const before = llm && { status: llm.standing.status, amounts: amountsOf(llm, event.at) }
  foldInto(fold, event)
  const counts = { waiting: 0, running: 0 }
  for (const { attempt, isEnding } of fold.open.values()) {
    if (attempt !== null) counts.running++
    else if (!isEnding) counts.waiting++
  }
  if (llm === null || before === null) return { ...counts, status: null, limits: [] }
  const name = llm.spec.name
  const status =
    llm.standing.status === before.status ? null : { llm: name, from: before.status, to: llm.standing.status }
  const limits = amountsOf(llm, event.at).flatMap(({ limit, amount, inForce }): LimitChange[] => {
    const old = before.amounts.find((one) => one.limit === limit)
    if (old?.amount === amount && old.inForce === inForce) return []
    return [{ llm: name, limit, from: old?.amount ?? 0, to: amount, in_force: inForce }]
  })
  return { ...counts, status, limits }
}

/** The LLM that an event is about: its own, or that of the call of its request. */
function llmOf({ llms, open }: Fold, { llm, request }: Event): FoldedLlm | null {
  const name = llm ?? (request === null ? undefined : open.get(request)?.attempt?.llm)
  return (name !== undefined && llms.get(name)) || null
}

function amountsOf({ account }: FoldedLlm, at: number) {
  return account.ledgers.map((ledger) => ({
    limit: ledger.limit.name,
    amount: used(ledger, at),
    inForce: capacityOf(ledger.limit),
  }))
}
