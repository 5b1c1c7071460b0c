import type { Deciding } from '../config/policy.ts'
import type { FoldedLlm } from '../core/fold.ts'
import { LEAST_WANTED, type LlmView } from '../core/matching/choose.ts'
import type { LogReader } from '../log/store.ts'
import { stateAt } from './state-at.ts'

/** The LLMs as the dispatcher saw them just before an event, and what was configured. */
export interface Past {
  readonly configHash: string
  readonly config: Deciding
  readonly views: readonly LlmView[]
}

/** The past just before the event `seq`; null where the log does not reach back far enough. Cost: `stateAt`. */
export function pastBefore(log: LogReader, seq: number): Past | null {
  const state = stateAt(log, seq - 1)
  if (state === null) return null
  const { configHash, config, fold } = state
  return { configHash, config, views: [...fold.llms.values()].map(viewOf) }
}

function viewOf({ spec, account, skill, standing }: FoldedLlm): LlmView {
  const { status, because, cause, until } = standing
  const reachable = status !== 'disabled' && !(status === 'cooling' && cause === 'unreachable')
  const wakeAt = until ?? Number.POSITIVE_INFINITY
  return { spec, account, skill, status, because, reachable, wakeAt, wanted: LEAST_WANTED }
}
