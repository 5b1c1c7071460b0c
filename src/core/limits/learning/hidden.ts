import type { Account } from '../account.ts'
import type { LearnedWindow } from '../../events.ts'
import { createLedger, postForeign } from '../ledger.ts'
import { capacityOf, type Limit } from '../../types.ts'
import type { Learned } from './learned.ts'

/** A window of another length than is declared, and what of it is used, where that is known. */
export interface Hidden {
  readonly amount: number
  readonly per_ms: number
  readonly window?: LearnedWindow['window']
  readonly used?: { readonly amount: number; readonly until: number }
}

/** Adds a window that is kept beside the declared one. Where nobody knows what of it is used, it begins used up. */
export function hide(account: Account, learned: Learned, hidden: Hidden, at: number): void {
  const { amount, per_ms: perMs, window = 'sliding', used } = hidden
  const { declared, tried } = learned
  if (tried.includes(perMs)) return
  dropHidden(account, learned)
  tried.push(perMs)
  if (used === undefined) learned.refusedAt = at
  const limit = hiddenLimit(declared, { amount, perMs, window })
  const ledger = createLedger(limit, true)
  postForeign(ledger, used?.amount ?? capacityOf(limit), used?.until ?? at + perMs, at)
  account.ledgers.push(ledger)
}

/** The limit of a window that is kept beside the declared one. */
export function hiddenLimit(
  declared: Limit,
  { amount, perMs, window }: Pick<Limit, 'amount' | 'perMs' | 'window'>,
): Limit {
  return { ...declared, name: nameOf(declared, perMs), amount, perMs, ...OWN, window }
}

/** A refusal in spite of a hidden window shows that there is no such window. */
export function dropHidden({ ledgers }: Account, { declared, tried }: Learned): void {
  for (const perMs of tried) {
    const i = ledgers.findIndex(({ hidden, limit }) => hidden && limit.name === nameOf(declared, perMs))
    if (i >= 0) ledgers.splice(i, 1)
  }
}

const nameOf = ({ name }: Limit, perMs: number) => `${name}_in_${perMs / 1000}s`

const OWN = { timeZone: null, phaseMs: null, burst: null, assumed: false } as const
