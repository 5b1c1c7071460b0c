/** The ground truth of the benchmark: LLMs, jobs, and what one costs on the other. Times in ms, integers. */

export type Unit = 'requests' | 'tokens' | 'concurrency'

/** At most `amount` units in every window of `perMs`, which is 0 for `concurrency`. */
export interface Limit {
  readonly unit: Unit
  readonly amount: number
  readonly perMs: number
  /** A bucket refills continuously and holds `amount`; a window is a sliding log. */
  readonly kind: 'window' | 'bucket'
}

export interface Llm {
  readonly name: string
  readonly contextLength: number
  readonly limits: readonly Limit[]
  /** USD per million tokens. */
  readonly inputUsd: number
  readonly outputUsd: number
  /** 0 to 1. */
  readonly quality: number
  readonly firstByteMs: number
  readonly tokensPerSecond: number
}

/** A request whose size is known exactly. */
export interface Job {
  readonly id: number
  readonly inputTokens: number
  readonly outputTokens: number
}

/** A burst: all jobs arrive at 0. */
export interface Instance {
  readonly llms: readonly Llm[]
  readonly jobs: readonly Job[]
}

export function tokensOf({ inputTokens, outputTokens }: Job): number {
  return inputTokens + outputTokens
}

/** Time from the start of a job to its last byte, in whole ms. */
export function serviceMs({ firstByteMs, tokensPerSecond }: Llm, { outputTokens }: Job): number {
  return firstByteMs + Math.ceil((outputTokens * 1000) / tokensPerSecond)
}

/** Units of a limit that a job takes. */
export function amountOf(unit: Unit, job: Job): number {
  return unit === 'tokens' ? tokensOf(job) : 1
}

/** Whether the LLM can ever take the job. */
export function isEligible({ contextLength, limits }: Llm, job: Job): boolean {
  return tokensOf(job) <= contextLength && limits.every(({ unit, amount }) => amountOf(unit, job) <= amount)
}

/** Price in micro-USD. */
export function priceOf({ inputUsd, outputUsd }: Llm, { inputTokens, outputTokens }: Job): number {
  return inputTokens * inputUsd + outputTokens * outputUsd
}
