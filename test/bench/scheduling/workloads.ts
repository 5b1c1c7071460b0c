import { createRandom, type Random } from '../../../src/core/random.ts'
import { FLEETS } from './fleets.ts'
import { type Instance, isEligible, type Job } from './model.ts'

const LARGEST_TOKENS = 55_000
const LONGEST_ANSWER_TOKENS = 2_000

/** Sizes of requests in tokens, prompt and answer together. */
export const MIXES: Readonly<Record<string, (random: Random) => number>> = {
  uniform: (random) => 200 + random.integer(1001),
  /** P(size > x) = 300 / x, cut off at the top. */
  heavy: (random) => Math.min(LARGEST_TOKENS, Math.floor(300 / (1 - random.next()))),
  /** 60 % about 300, 30 % about 3,000, 10 % about 20,000. */
  trimodal(random) {
    const draw = random.integer(10)
    const centre = draw < 6 ? 300 : draw < 9 ? 3_000 : 20_000
    return Math.floor((centre * (80 + random.integer(41))) / 100)
  },
}

/** A burst of `count` jobs of one mix on one fleet. The same seed gives the same jobs on every fleet. */
export function createInstance(fleet: string, mix: string, count: number, seed: number): Instance {
  const llms = FLEETS[fleet]!
  const random = createRandom(seed, `${mix}/${count}`)
  const jobs = Array.from({ length: count }, (_, id) => jobOf(id, MIXES[mix]!(random), random))
  const stray = jobs.find((job) => !llms.some((llm) => isEligible(llm, job)))
  if (stray !== undefined) throw new Error(`no LLM of ${fleet} can take ${JSON.stringify(stray)}`)
  return { llms, jobs }
}

/** An answer takes 10 to 40 % of the tokens. */
function jobOf(id: number, tokens: number, random: Random): Job {
  const share = Math.floor((tokens * (10 + random.integer(31))) / 100)
  const outputTokens = Math.max(1, Math.min(LONGEST_ANSWER_TOKENS, share))
  return { id, inputTokens: tokens - outputTokens, outputTokens }
}
