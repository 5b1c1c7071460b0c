import { GUARD_MS, type Limit, type Unit } from '../core/types.ts'
import { MONTH_MS } from '../core/limits/windows/calendar.ts'
import type { RawLimit, RawLlm } from './llm-schema.ts'
import { rulesOf, tokensOf } from './providers.ts'
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
export function writtenLimits(llm: RawLlm, guardMs: number = GUARD_MS): WrittenLimit[] {
  const short = SHORT_KEYS.flatMap(({ key, unit: counted, perMs }) => {
    const amount = llm[key]
    if (amount === undefined) return []
    const unit = counted === 'tokens' ? tokensOf(llm) : counted
    return [{ limit: fullLimit(llm, { unit, amount, per: perMs }, guardMs), path: [key] }]
  })
  const full = llm.limits.map((raw, index) => ({
    limit: fullLimit(llm, raw, guardMs),
    path: ['limits', index],
  }))
  return [...short, ...full]
}

/**
 * The limits of an LLM, one for each unit and period, and for each quantum one more. Where a short key and an entry of
 * `limits` say the same, the entry stands, because it can say more.
 */
export function expandLimits(llm: RawLlm, guardMs: number): Limit[] {
  const byWindow = new Map<string, Limit>()
  for (const { limit } of writtenLimits(llm, guardMs)) byWindow.set(windowOf(limit), limit)
  const parts = llm.limits.flatMap((raw) =>
    raw.quantum === undefined ? [] : [partOf(fullLimit(llm, raw, guardMs), raw.quantum)],
  )
  return [...byWindow.values(), ...parts]
}

/** A provider that keeps 60 a minute as 1 a second lets no more than that through in any second. */
export function partOf(limit: Limit, quantumMs: number): Limit {
  const part = `/${durationText(quantumMs)}`
  return {
    ...limit,
    name: limit.name + part,
    amount: Math.floor((limit.amount * quantumMs) / limit.perMs),
    perMs: quantumMs,
    window: 'sliding',
    timeZone: null,
    phaseMs: null,
    burst: null,
    shared: limit.shared === null ? null : limit.shared + part,
    assumed: false,
  }
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
    case MONTH_MS:
      return 'month'
    default:
      return durationText(perMs)
  }
}

/** An entry of `limits` with all that is not said filled in by what is known of the provider. */
export function fullLimit(llm: RawLlm, raw: RawLimit, guardMs: number = GUARD_MS): Limit {
  const perMs = raw.unit === 'concurrency' ? 0 : (raw.per ?? 0)
  const rules = rulesOf(llm, perMs)
  const isTimed = raw.unit !== 'concurrency'
  const window = raw.window ?? (isTimed ? rules.window : 'sliding')
  return {
    name: raw.name ?? limitName(raw.unit, perMs),
    unit: raw.unit,
    amount: raw.amount,
    perMs,
    window,
    timeZone: raw.time_zone ?? (window === 'calendar' ? rules.timeZone : null),
    phaseMs: raw.phase === undefined || perMs === 0 ? null : raw.phase % perMs,
    burst: raw.burst ?? null,
    charge: raw.charge ?? (raw.unit.endsWith('tokens') ? rules.charge : 'unknown'),
    shared: raw.name ?? null,
    guardMs: raw.jitter_guard ?? guardMs,
    ...(raw.pace !== undefined && { pace: raw.pace }),
    ...(isTimed && raw.window === undefined && window === 'sliding' && { assumed: true }),
  }
}

function limitName(unit: Unit, perMs: number): string {
  return unit === 'concurrency' ? unit : `${unit}_per_${periodWord(perMs)}`
}
