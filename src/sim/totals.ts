import type { TerminalType } from './run.ts'
import type { LlmTally, Tally, Times } from './tally.ts'

export interface Quantiles {
  readonly p50_ms: number
  readonly p95_ms: number
  readonly p99_ms: number
}

/** What became of the requests of a world. */
export interface Totals {
  readonly requests: number
  readonly completed: number
  readonly failed: number
  readonly rejected: number
  readonly expired: number
  readonly abandoned: number
  /** Of what was answered. */
  readonly wait: Quantiles
  readonly answer: Quantiles
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cost_usd: number
  readonly rate_limited: number
  readonly llms: readonly LlmFigures[]
}

export interface LlmFigures {
  readonly llm: string
  readonly requests: number
  /** Its part of all that was answered, 0 to 1. */
  readonly share: number
  readonly tokens: number
  readonly cost_usd: number
  readonly rate_limited: number
  /** The limits that left no room while requests waited, the longest first. */
  readonly bound: readonly { readonly limit: string; readonly ms: number }[]
}

/** The totals of all that was tallied so far. */
export function totalsOf(tally: Tally): Totals {
  const ended = (type: TerminalType) => tally.ended.get(type) ?? 0
  const completed = ended('request.completed')
  const sum = (of: (llm: LlmTally) => number) => tally.llms.reduce((total, llm) => total + of(llm), 0)
  return {
    requests: tally.requests,
    completed,
    expired: ended('request.expired'),
    rejected: ended('request.rejected'),
    failed: ended('request.failed'),
    abandoned: ended('request.abandoned'),
    wait: quantilesOf(tally.waits),
    answer: quantilesOf(tally.answers),
    input_tokens: sum(({ inputTokens }) => inputTokens),
    output_tokens: sum(({ outputTokens }) => outputTokens),
    cost_usd: sum(({ costNanoUsd }) => costNanoUsd) / 1e9,
    rate_limited: sum(({ rateLimited }) => rateLimited),
    llms: tally.llms.map((llm) => figuresOf(llm, completed)),
  }
}

function figuresOf(tally: LlmTally, completed: number): LlmFigures {
  const bound = [...tally.boundMs].map(([limit, ms]) => ({ limit, ms })).filter(({ ms }) => ms > 0)
  return {
    llm: tally.llm,
    requests: tally.completed,
    share: completed === 0 ? 0 : tally.completed / completed,
    tokens: tally.inputTokens + tally.outputTokens,
    cost_usd: tally.costNanoUsd / 1e9,
    rate_limited: tally.rateLimited,
    bound: bound.sort((a, b) => b.ms - a.ms),
  }
}

function quantilesOf(times: Times): Quantiles {
  return { p50_ms: times.quantile(500), p95_ms: times.quantile(950), p99_ms: times.quantile(990) }
}
