import { checkpointOf, restore } from './checkpoint.ts'
import { type Fold, type FoldedLlm, startOver, type Unfinished } from './fold.ts'
import type { Hours } from './limits/hours.ts'
import { createLlm, type Llm } from './llm.ts'
import type { LlmSpec } from './types.ts'

export type { Unfinished } from './fold.ts'

/** What a log says about the state the process has to start in. */
export interface Recovered {
  readonly llms: Llm[]
  /** Requests that were under way when the process ended without a word. */
  readonly unfinished: readonly Unfinished[]
  readonly hours: Hours
}

/** Why an LLM starts disabled; null when it does not. */
export type Disabled = (spec: LlmSpec) => string | null

/**
 * The start of a process over what was folded. It goes through a checkpoint, so that nothing is known at the start that
 * another one, which begins with a checkpoint, would not know. The fold is used up.
 */
export function recoverFrom(fold: Fold, disabled: Disabled, now: number): Recovered {
  const unfinished = startOver(fold, now)
  const specs = [...fold.llms.values()].map(({ spec }) => spec)
  const { llms, hours } = restore(checkpointOf(fold, now), specs)
  return { llms: [...llms.values()].map((llm) => llmOf(llm, disabled(llm.spec), now)), unfinished, hours }
}

function llmOf({ spec, account, skill, standing }: FoldedLlm, disabled: string | null, now: number): Llm {
  const llm = createLlm(spec, account, skill, disabled, now)
  const { status, because, cause, until } = standing
  if (disabled !== null || status !== 'cooling') return llm
  return { ...llm, status, wakeAt: until!, because, cause }
}
