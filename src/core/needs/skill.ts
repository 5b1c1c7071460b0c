import type { Sample } from '../dispatch-state.ts'
import { corrected, EXACT, scaled } from './estimate.ts'
import { answered, NO_OUTPUTS, type Outputs } from './outputs.ts'
import type { LlmSpec } from '../types.ts'

/** What was measured of one LLM. Integers, so that every runtime learns the same. */
export interface Skill {
  /** Tokens that the provider counts for 1000 that were estimated. */
  readonly factor: number
  /** Tokens that the provider counts on top for every request, such as a chat template. */
  readonly overheadTokens: number
  readonly firstByteMs: number
  readonly tokensPerSecond: number
  /** What an answer without a bound of its own is expected to take; near the upper end of what was seen. */
  readonly expectedOutput: number
  readonly outputs: Outputs
}

/** What is assumed before the first answer: an ordinary hosted LLM. */
export function initialSkill(spec: LlmSpec): Skill {
  return {
    factor: EXACT,
    overheadTokens: 0,
    firstByteMs: spec.simulated?.latencyMs ?? 1000,
    tokensPerSecond: spec.simulated?.tokensPerSecond ?? 50,
    expectedOutput: spec.simulated?.outputTokens ?? 1024,
    outputs: NO_OUTPUTS,
  }
}

/** The skill after one more answer. */
export function learned(skill: Skill, sample: Sample): Skill {
  const { client, inputTokens, outputTokens, estimatedTokens, firstByteMs, durationMs } = sample
  const streamed = durationMs > firstByteMs
  const producingMs = Math.max(1, streamed ? durationMs - firstByteMs : durationMs)
  const rate = Math.max(1, Math.round(((outputTokens ?? 0) * 1000) / producingMs))
  return {
    ...counted(skill, estimatedTokens, inputTokens),
    firstByteMs: streamed ? towards(skill.firstByteMs, firstByteMs) : skill.firstByteMs,
    tokensPerSecond: outputTokens === null ? skill.tokensPerSecond : towards(skill.tokensPerSecond, rate),
    expectedOutput:
      outputTokens === null ? skill.expectedOutput : nearUpperEnd(skill.expectedOutput, outputTokens),
    outputs: outputTokens === null ? skill.outputs : answered(skill.outputs, client ?? null, outputTokens),
  }
}

/** From this size on a prompt tells how the provider counts text; a shorter one tells what it adds to each. */
const TELLING_TOKENS = 200
const OVERHEAD_TOKENS_MAX = 2000

/** How the provider counts, after one more prompt. */
function counted(
  skill: Skill,
  estimated: number,
  reported: number | null,
): Pick<Skill, 'factor' | 'overheadTokens'> {
  const { factor, overheadTokens } = skill
  if (reported === null || reported <= 0) return { factor, overheadTokens }
  if (estimated >= TELLING_TOKENS) {
    return { factor: corrected(factor, estimated, Math.max(1, reported - overheadTokens)), overheadTokens }
  }
  const extra = Math.min(OVERHEAD_TOKENS_MAX, Math.max(0, reported - scaled(estimated, factor)))
  return { factor, overheadTokens: nearUpperEnd(overheadTokens, extra) }
}

/** Moving average over about eight samples. */
function towards(average: number, seen: number): number {
  return average + Math.round((seen - average) / 8)
}

/** Follows larger values at once and smaller ones slowly. */
function nearUpperEnd(expected: number, seen: number): number {
  return seen > expected ? seen : expected - Math.floor((expected - seen) / 16)
}
