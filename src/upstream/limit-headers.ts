import type { LimitReport } from '../core/events.ts'
import type { Unit } from '../core/types.ts'
import { parseWait } from './retry-after.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../core/time.ts'

/** One limit in the headers of a dialect: the names of the three headers that tell of it. */
interface Row {
  readonly unit: Unit
  readonly perMs: number | null
  readonly limit: string
  readonly remaining: string
  readonly reset: string
}

/** A way of naming limit headers; it is in use when one of the probes is present. */
export interface Dialect {
  readonly probes: readonly string[]
  readonly rows: readonly Row[]
}

/** `*` in the pattern stands for limit, remaining and reset. */
function row(pattern: string, unit: Unit, perMs: number | null): Row {
  return {
    unit,
    perMs,
    limit: pattern.replace('*', 'limit'),
    remaining: pattern.replace('*', 'remaining'),
    reset: pattern.replace('*', 'reset'),
  }
}

const OPENAI: Dialect = {
  probes: ['x-ratelimit-limit-requests', 'x-ratelimit-limit-tokens'],
  rows: [row('x-ratelimit-*-requests', 'requests', null), row('x-ratelimit-*-tokens', 'tokens', null)],
}

/** Cerebras and Mistral write the period into the name. */
const WITH_PERIOD: Dialect = {
  probes: [
    'x-ratelimit-limit-requests-minute',
    'x-ratelimit-limit-requests-day',
    'x-ratelimit-limit-tokens-minute',
    'x-ratelimit-limit-req-minute',
  ],
  rows: [
    row('x-ratelimit-*-req-minute', 'requests', MINUTE_MS),
    row('x-ratelimit-*-requests-minute', 'requests', MINUTE_MS),
    row('x-ratelimit-*-requests-hour', 'requests', HOUR_MS),
    row('x-ratelimit-*-requests-day', 'requests', DAY_MS),
    row('x-ratelimit-*-tokens-minute', 'tokens', MINUTE_MS),
    row('x-ratelimit-*-tokens-hour', 'tokens', HOUR_MS),
    row('x-ratelimit-*-tokens-day', 'tokens', DAY_MS),
  ],
}

const ANTHROPIC: Dialect = {
  probes: ['anthropic-ratelimit-requests-limit', 'anthropic-ratelimit-tokens-limit'],
  rows: [
    row('anthropic-ratelimit-requests-*', 'requests', null),
    row('anthropic-ratelimit-tokens-*', 'tokens', null),
    row('anthropic-ratelimit-input-tokens-*', 'input_tokens', null),
    row('anthropic-ratelimit-output-tokens-*', 'output_tokens', null),
  ],
}

/** OpenRouter and Together. */
const PLAIN: Dialect = {
  probes: ['x-ratelimit-limit', 'x-tokenlimit-limit'],
  rows: [row('x-ratelimit-*', 'requests', null), row('x-tokenlimit-*', 'tokens', null)],
}

/** Every dialect of the providers that speak OpenAI's API. */
export const COMMON_DIALECTS: readonly Dialect[] = [OPENAI, WITH_PERIOD, ANTHROPIC, PLAIN]

/** Groq uses OpenAI's names for requests per day and tokens per minute (console.groq.com/docs/rate-limits). */
export const GROQ_DIALECTS: readonly Dialect[] = [
  {
    probes: OPENAI.probes,
    rows: [
      row('x-ratelimit-*-requests', 'requests', DAY_MS),
      row('x-ratelimit-*-tokens', 'tokens', MINUTE_MS),
    ],
  },
]

function countOf(header: string | null): number | null {
  if (header === null || header.trim() === '') return null
  const count = Math.floor(Number(header))
  return Number.isSafeInteger(count) && count >= 0 ? count : null
}

function report(headers: Headers, row: Row, now: number): LimitReport {
  return {
    unit: row.unit,
    per_ms: row.perMs,
    limit: countOf(headers.get(row.limit)),
    remaining: countOf(headers.get(row.remaining)),
    reset_ms: parseWait(headers.get(row.reset) ?? '', now),
  }
}

function hasAny(headers: Headers, names: readonly string[]): boolean {
  for (const name of names) if (headers.has(name)) return true
  return false
}

/**
 * What the headers of an answer say of the provider's limits; `now` is ms since 1970. Costs one look-up per probe
 * when there are no such headers, since this runs for every answer.
 */
export function limitReports(headers: Headers, now: number, dialects = COMMON_DIALECTS): LimitReport[] {
  const reports: LimitReport[] = []
  for (const { probes, rows } of dialects) {
    if (!hasAny(headers, probes)) continue
    for (const row of rows) {
      const found = report(headers, row, now)
      if (found.limit !== null || found.remaining !== null) reports.push(found)
    }
  }
  return reports
}
