import type { Limit, Unit } from '../core/types.ts'
import type { RawLimit, RawLlm } from './llm-schema.ts'
import { DAY_MS, durationText, HOUR_MS, MINUTE_MS, SECOND_MS } from './units.ts'

/** The short keys of an LLM and the limit each stands for; `max_concurrency` has no period. */
const SHORT_KEYS = [
  { key: 'requests_per_min', unit: 'requests', perMs: MINUTE_MS },
  { key: 'tokens_per_min', unit: 'tokens', perMs: MINUTE_MS },
  { key: 'rate_limit', unit: 'tokens', perMs: MINUTE_MS },
  { key: 'requests_per_day', unit: 'requests', perMs: DAY_MS },
  { key: 'tokens_per_day', unit: 'tokens', perMs: DAY_MS },
  { key: 'max_concurrency', unit: 'concurrency', perMs: 0 },
] as const satisfies readonly { key: keyof RawLlm; unit: Unit; perMs: number }[]

/** A limit together with the place in its LLM where it is written. */
export interface WrittenLimit {
  readonly limit: Limit
  readonly path: readonly (string | number)[]
}

/** All limits as they are written, in full form: those of the short keys, then those of `limits`. */
export function writtenLimits(llm: RawLlm): WrittenLimit[] {
  const short = SHORT_KEYS.flatMap(({ key, unit, perMs }) => {
    const amount = llm[key]
    if (amount === undefined) return []
    const limit: Limit = {
      name: limitName(unit, perMs),
      unit,
      amount,
      perMs,
      window: 'sliding',
      timeZone: null,
    }
    return [{ limit, path: [key] }]
  })
  const full = llm.limits.map((raw, index) => ({ limit: fullLimit(raw), path: ['limits', index] }))
  return [...short, ...full]
}

/**
 * The limits of an LLM, one for each unit and period. Where a short key and an entry of `limits` say the
 * same, the entry stands, because it also says which kind of window it is.
 */
export function expandLimits(llm: RawLlm): Limit[] {
  const byWindow = new Map<string, Limit>()
  for (const { limit } of writtenLimits(llm)) byWindow.set(windowOf(limit), limit)
  return [...byWindow.values()]
}

/** Two limits with the same unit and the same period have the same text. */
export function windowOf(limit: Limit): string {
  return `${limit.unit} ${limit.perMs}`
}

/** `min`, `day`, `90s`: a period as it stands after `per`. */
export function periodWord(perMs: number): string {
  switch (perMs) {
    case SECOND_MS:
      return 'sec'
    case MINUTE_MS:
      return 'min'
    case HOUR_MS:
      return 'hour'
    case DAY_MS:
      return 'day'
    default:
      return durationText(perMs)
  }
}

function fullLimit(raw: RawLimit): Limit {
  const perMs = raw.unit === 'concurrency' ? 0 : (raw.per ?? 0)
  return {
    name: raw.name ?? limitName(raw.unit, perMs),
    unit: raw.unit,
    amount: raw.amount,
    perMs,
    window: raw.window,
    timeZone: raw.time_zone ?? null,
  }
}

function limitName(unit: Unit, perMs: number): string {
  return unit === 'concurrency' ? unit : `${unit}_per_${periodWord(perMs)}`
}
