import type { Dispatcher } from './dispatch-state.ts'
import { AVAILABLE, type Fold, type FoldedLlm, type OpenRequest, type Standing } from './fold.ts'
import type { Llm } from './llm.ts'
import type { Pending } from './queue/queue.ts'

/**
 * The live state as the fold of all events so far: it shares the ledgers, so that it is to be looked at before the next
 * fact enters. O(LLMs + requests under way).
 */
export function asFold(state: Dispatcher, llms: Iterable<Llm>): Fold {
  const folded = Array.from(llms, (llm): [string, FoldedLlm] => [
    llm.spec.name,
    { spec: llm.spec, account: llm.account, skill: llm.skill, standing: standingOf(llm) },
  ])
  return {
    llms: new Map(folded),
    open: openOf(state),
    hours: state.hours,
    hasJumped: state.hasJumped,
  }
}

function standingOf({ status, because, cause, wakeAt }: Llm): Standing {
  if (status === 'available') return AVAILABLE
  return status === 'cooling' ? { status, because, cause, until: wakeAt } : { ...AVAILABLE, status, because }
}

function openOf({ queue, running, policy }: Dispatcher): Map<string, OpenRequest> {
  const open: [string, OpenRequest][] = []
  for (const pending of queue.byId.values()) open.push([pending.id, requestOf(pending, null)])
  for (const { pending, llm, key, cost, waitMs } of running.values()) {
    const attempt = { key, llm: policy.specs[llm]!.name, cost, waitMs }
    open.push([pending.id, requestOf(pending, attempt)])
  }
  return new Map(open.toSorted(([, a], [, b]) => a.seq - b.seq))
}

function requestOf(
  { seq, at, client, inputTokens, attempts }: Pending,
  attempt: OpenRequest['attempt'],
): OpenRequest {
  return { seq, at, client, inputTokens, attempts, attempt, isEnding: false }
}
