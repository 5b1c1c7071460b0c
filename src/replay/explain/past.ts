import type { FoldedLlm } from '../../core/fold.ts'
import { LEAST_WANTED, type LlmView } from '../../core/matching/choose.ts'
import type { LogReader } from '../../log/store.ts'
import { type LogState, stateAt } from '../state-at.ts'

/** The LLMs as the dispatcher saw them just before an event, and what was configured. */
export interface Past extends Pick<LogState, 'configHash' | 'config'> {
  readonly views: readonly LlmView[]
  readonly state: LogState
}

/**
 * The past just before the event `seq`; null where the log does not reach back far enough. Cost: `stateAt`.
 *
 * @param earlier the past before an event that came no later; it is used up
 */
export function pastBefore(log: LogReader, seq: number, earlier: Past | null): Past | null {
  const state = stateAt(log, seq - 1, earlier?.state)
  if (state === null) return null
  const { configHash, config, fold } = state
  return { configHash, config, views: [...fold.llms.values()].map(viewOf), state }
}

function viewOf({ spec, account, skill, standing }: FoldedLlm): LlmView {
  const { status, because, cause, until } = standing
  const reachable = status !== 'disabled' && !(status === 'cooling' && cause === 'unreachable')
  const wakeAt = until ?? Number.POSITIVE_INFINITY
  return { spec, account, skill, status, because, reachable, wakeAt, wanted: LEAST_WANTED }
}
