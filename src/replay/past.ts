import type { Config } from '../config/config.ts'
import type { LlmView } from '../core/matching/choose.ts'
import { LEAST_WANTED } from '../core/matching/choose.ts'
import type { Llm } from '../core/llm.ts'

/** One LLM as the log tells of it at one place. */
export type PastLlm = Pick<Llm, 'spec' | 'account' | 'skill' | 'status' | 'because' | 'cause' | 'wakeAt'>

/** The state just before an event, and what was configured then. The caller may spend it: nobody else holds it. */
export interface Past {
  readonly configHash: string
  readonly config: Config
  readonly llms: readonly PastLlm[]
}

/** Tells the state just before the event `seq`; null where the log does not reach back far enough. */
export type PastBefore = (seq: number) => Past | null

/** An LLM of the past as the dispatcher saw it. */
export function viewOf({ spec, account, skill, status, because, cause, wakeAt }: PastLlm): LlmView {
  const reachable = status !== 'disabled' && !(status === 'cooling' && cause === 'unreachable')
  return { spec, account, skill, status, because, reachable, wakeAt, wanted: LEAST_WANTED }
}
