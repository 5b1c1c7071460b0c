import type { Figures } from '../sim/simulate.ts'
import type { LlmFigures, Quantiles } from '../sim/totals.ts'
import { table } from './table.ts'
import { grouped } from './terminal.ts'
import { minutes } from './times.ts'

/** A world with one more key, beside the one as it is. */
export interface OneMore {
  readonly llm: string
  readonly limit: string
  /** Whether it takes a key, or one more of it. */
  readonly keyed: boolean
  readonly figures: Figures
}

/** What came of a simulation, for people. */
export function describe(figures: Figures, oneMore: readonly OneMore[]): string {
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
  return `${lines.join('\n')}\n\n${table([head, ...rows], 1)}\n${oneMoreText(figures, oneMore)}\n`
}

function rowOf(llm: LlmFigures): string[] {
  const bound = llm.bound.map(({ limit, ms }) => `${limit} for ${minutes(ms)}`)
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

function oneMoreText({ wait, expired }: Figures, oneMore: readonly OneMore[]): string {
  if (oneMore.length === 0) return 'No limit kept a request waiting: one more key would change nothing.'
  const lines = oneMore.map(({ llm, limit, keyed, figures }) => {
    const more = keyed ? `one more key of ${llm}` : `one more ${llm}`
    return `With ${more} (${limit}) it is ${minutes(figures.wait.p95_ms)}, and ${grouped(figures.expired)} expire.`
  })
  const before = `With these keys the 95th percentile wait is ${minutes(wait.p95_ms)}, and ${grouped(expired)} requests expire.`
  return [before, ...lines].join('\n')
}

function quantiles({ p50_ms, p95_ms, p99_ms }: Quantiles): string {
  return `p50 ${minutes(p50_ms)}, p95 ${minutes(p95_ms)}, p99 ${minutes(p99_ms)}`
}
