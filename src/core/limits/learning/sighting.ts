import type { LimitReport } from '../../events.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../time.ts'

/** What the header of an answer said of one limit, and how exact that is. */
export interface Sighting {
  /** When the call was sent and when its answer was heard; the provider counted at some time in between. */
  readonly sentAt: number
  readonly at: number
  readonly limit: number
  readonly remaining: number
  /** How far `remaining` may be rounded, to either side. */
  readonly countSlack: number
  /** Time until the limit is completely free again. */
  readonly resetMs: number
  /** How far `resetMs` may be rounded, to either side. */
  readonly resetSlackMs: number
}

/** Anthropic rounds the tokens that remain to thousands. */
const COUNT_GRAIN = 1000
/** Providers write seconds, tenths, hundredths or milliseconds. */
const RESET_GRAINS_MS = [1000, 100, 10]

/** A report as a sighting; null where it does not say all that is needed, or says what cannot be. */
export function sightingOf(
  { limit, remaining, reset_ms: resetMs }: LimitReport,
  sentAt: number,
  at: number,
): Sighting | null {
  if (limit === null || remaining === null || resetMs === null) return null
  if (limit < 1 || remaining > limit) return null
  const isRound = limit > 10 * COUNT_GRAIN && remaining % COUNT_GRAIN === 0
  const resetSlackMs = RESET_GRAINS_MS.find((grain) => resetMs % grain === 0) ?? 1
  return { sentAt, at, limit, remaining, countSlack: isRound ? COUNT_GRAIN : 1, resetMs, resetSlackMs }
}

/** Lengths of windows that providers have, in ms. */
export const USUAL_MS = [1_000, 10_000, MINUTE_MS, HOUR_MS, DAY_MS] as const

/**
 * The times to refill from empty that would explain a sighting, in ms; `longest` is Infinity where any is long enough.
 */
export interface Range {
  readonly shortest: number
  readonly longest: number
}

/**
 * A bucket that lacks `used` of `limit` is full after reset = used x W / limit: W = reset x limit / used, however long
 * the header was under way. A bucket that is empty may lack more than it tells.
 */
export function refillRange(sighting: Sighting): Range {
  const { limit, remaining, countSlack, resetMs, resetSlackMs } = sighting
  const used = limit - remaining
  const least = used - countSlack
  const most = remaining === 0 ? Number.POSITIVE_INFINITY : used + countSlack
  return {
    shortest: Math.floor((Math.max(0, resetMs - resetSlackMs) / most) * limit),
    longest: least <= 0 ? Number.POSITIVE_INFINITY : Math.ceil(((resetMs + resetSlackMs) / least) * limit),
  }
}

/** Whether a time is in a range, its ends included. */
export function isWithin(ms: number, { shortest, longest }: Range): boolean {
  return shortest <= ms && ms <= longest
}
