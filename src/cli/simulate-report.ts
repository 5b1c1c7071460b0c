import type { Figures, LlmFigures, Quantiles } from '../sim/simulate.ts'
import { table } from './table.ts'
import { grouped } from './terminal.ts'

/** A world with one more key, beside the one as it is. */
export interface WhatIf {
  readonly llm: string
  readonly limit: string
  /** Whether it takes a key, or one more of it. */
  readonly keyed: boolean
  readonly figures: Figures
}

/** What came of a simulation, for people. */
export function describe(figures: Figures, whatIfs: readonly WhatIf[]): string {
  const { requests, completed, expired, rejected, failed, abandoned } = figures
  const ends = `${grouped(completed)} completed, ${grouped(expired)} expired, ${grouped(rejected)} rejected, ${grouped(failed)} failed, ${grouped(abandoned)} abandoned`
  const lines = [
    `requests  ${grouped(requests)}: ${ends}`,
    `wait      ${quantiles(figures.wait)}`,
    `answer    ${quantiles(figures.answer)}`,
    `tokens    ${grouped(figures.input_tokens)} in, ${grouped(figures.output_tokens)} out`,
    `cost      $${figures.cost_usd.toFixed(4)}`,
    `429s      ${grouped(figures.rate_limited)}`,
  ]
  const head = ['LLM', 'requests', 'share', 'tokens', 'cost USD', '429s', 'limits that kept requests waiting']
  const rows = figures.llms.map((llm) => rowOf(llm))
  return `${lines.join('\n')}\n\n${table([head, ...rows], 1)}\n${whatIfText(figures, whatIfs)}\n`
}

function rowOf(llm: LlmFigures): string[] {
  const bound = llm.bound.map(({ limit, ms }) => `${limit} for ${seconds(ms)}`)
  return [
    llm.llm,
    grouped(llm.requests),
    `${(llm.share * 100).toFixed(1)} %`,
    grouped(llm.tokens),
    llm.cost_usd.toFixed(4),
    grouped(llm.rate_limited),
    bound.join(', ') || 'none',
  ]
}

function whatIfText({ wait, expired }: Figures, whatIfs: readonly WhatIf[]): string {
  if (whatIfs.length === 0) return 'No limit kept a request waiting: one more key would change nothing.'
  const lines = whatIfs.map(({ llm, limit, keyed, figures }) => {
    const more = keyed ? `one more key of ${llm}` : `one more ${llm}`
    return `With ${more} (${limit}) it is ${seconds(figures.wait.p95_ms)}, and ${grouped(figures.expired)} expire.`
  })
  const before = `With these keys the 95th percentile wait is ${seconds(wait.p95_ms)}, and ${grouped(expired)} requests expire.`
  return [before, ...lines].join('\n')
}

function quantiles({ p50_ms, p95_ms, p99_ms }: Quantiles): string {
  return `p50 ${seconds(p50_ms)}, p95 ${seconds(p95_ms)}, p99 ${seconds(p99_ms)}`
}

/** `12.3 s`, `5m 20s`, `2h 3m`. */
export function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const whole = Math.round(ms / 1000)
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes}m ${whole % 60}s` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`
}
