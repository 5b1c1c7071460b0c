import type { Sample } from './dispatch-state.ts'
import { corrected, EXACT } from './estimate.ts'
import type { LlmSpec } from './types.ts'

/** What was measured of one LLM. Integers, so that every runtime learns the same. */
export interface Skill {
  /** Tokens that the provider counts for 1000 that were estimated. */
  readonly factor: number
  readonly firstByteMs: number
  readonly tokensPerSecond: number
  /** What an answer without a bound of its own is expected to take; near the upper end of what was seen. */
  readonly expectedOutput: number
}

/** What is assumed before the first answer: an ordinary hosted LLM. */
export function initialSkill(spec: LlmSpec): Skill {
  return {
    factor: EXACT,
    firstByteMs: spec.simulated?.latencyMs ?? 1000,
    tokensPerSecond: spec.simulated?.tokensPerSecond ?? 50,
    expectedOutput: spec.simulated?.outputTokens ?? 1024,
  }
}

/** The skill after one more answer. */
export function learned(skill: Skill, sample: Sample): Skill {
  const { inputTokens, outputTokens, estimatedTokens, firstByteMs, durationMs } = sample
  const streamed = durationMs > firstByteMs
  const producingMs = Math.max(1, streamed ? durationMs - firstByteMs : durationMs)
  const rate = Math.max(1, Math.round(((outputTokens ?? 0) * 1000) / producingMs))
  return {
    factor: inputTokens === null ? skill.factor : corrected(skill.factor, estimatedTokens, inputTokens),
    firstByteMs: streamed ? towards(skill.firstByteMs, firstByteMs) : skill.firstByteMs,
    tokensPerSecond: outputTokens === null ? skill.tokensPerSecond : towards(skill.tokensPerSecond, rate),
    expectedOutput:
      outputTokens === null ? skill.expectedOutput : nearUpperEnd(skill.expectedOutput, outputTokens),
  }
}

/** Moving average over about eight samples. */
function towards(average: number, seen: number): number {
  return average + Math.round((seen - average) / 8)
}

/** Follows larger values at once and smaller ones slowly. */
function nearUpperEnd(expected: number, seen: number): number {
  return seen > expected ? seen : expected - Math.floor((expected - seen) / 16)
}
