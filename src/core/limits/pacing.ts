import type { Limit } from '../types.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../time.ts'

/**
 * Daily quotas are spread over the day: from a head start at its beginning the allowance of all but the highest
 * priority grows, in steps of a quarter of an hour, as the demand of past days did. A tenth is never paced out: it is
 * the reserve of the highest priority. All amounts are integers, all instants ms since 1970.
 */

const HOURS = 24
export const STEP_MS = 15 * MINUTE_MS

/** Share of demand of each hour of the day, UTC, in integers of at least 1. */
export type Profile = readonly number[]

export const UNIFORM: Profile = Array.from({ length: HOURS }, () => 1)

/** The weight of the busiest hour; an hour without demand weighs a hundredth of it, so that nothing is locked out. */
const BUSIEST = 100

/** The profile of hourly counts over whole days; uniform where nothing came. */
export function profileOf(counts: readonly number[]): Profile {
  const most = Math.max(...counts)
  if (most === 0) return UNIFORM
  return counts.map((count) => Math.max(1, Math.round((count / most) * BUSIEST)))
}

/** The hour of the day, UTC, that an instant lies in. */
export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS) % HOURS
}

/** One run of the quota, from `start` until the next one begins. */
export interface Day {
  readonly start: number
  readonly end: number
}

/** What a pace allows from one instant until another, all of it taken since the day began. */
export interface Pace {
  readonly limit: Limit
  readonly profile: Profile
  readonly day: Day
  readonly from: number
  readonly until: number
  readonly allowed: number
}

/** Of a quota, what may be used at once; never more than is paced. */
export function headStartOf(amount: number): number {
  return Math.ceil(amount / 8)
}

/** Of a quota, all but the reserve of the highest priority; 1 at the least, or nobody else could ever go. */
export function pacedOf(amount: number): number {
  return Math.max(1, amount - Math.ceil(amount / 10))
}

/**
 * What all but the highest priority may have used of `amount` by `at`, from the start of its day on: the head start,
 * and of the rest what the profile gives to the steps begun so far. Never falls within the day; all that is paced in
 * the last step.
 */
export function allowanceAt(amount: number, profile: Profile, { start, end }: Day, at: number): number {
  const paced = pacedOf(amount)
  const head = headStartOf(amount)
  const steps = Math.floor((at - start) / STEP_MS) + 1
  const begun = Math.min(end, start + steps * STEP_MS)
  const part = weightBetween(profile, start, begun)
  return head + shareOf(paced - head, part, weightBetween(profile, start, end))
}

/**
 * The first instant from `from` on, within the day, at which the allowance is at least `wanted`; Infinity when none is.
 */
export function allowedFrom(
  amount: number,
  profile: Profile,
  day: Day,
  wanted: number,
  from: number,
): number {
  if (allowanceAt(amount, profile, day, from) >= wanted) return from
  if (wanted > pacedOf(amount)) return Number.POSITIVE_INFINITY
  let low = Math.floor((from - day.start) / STEP_MS)
  let high = Math.ceil((day.end - day.start) / STEP_MS) - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (allowanceAt(amount, profile, day, day.start + middle * STEP_MS) >= wanted) high = middle
    else low = middle
  }
  return day.start + high * STEP_MS
}

/** floor(amount * part / whole) for amounts up to 1e12 and weights up to 9e7, none of whose products is rounded. */
function shareOf(amount: number, part: number, whole: number): number {
  const rounds = Math.floor(amount / whole)
  return rounds * part + Math.floor(((amount - rounds * whole) * part) / whole)
}

/** Sum of the weights of the minutes from `start` until `end`. */
function weightBetween(profile: Profile, start: number, end: number): number {
  return weightUntil(profile, end - start + (start % DAY_MS)) - weightUntil(profile, start % DAY_MS)
}

/** Sum of the weights of the minutes from a midnight, UTC, on. */
function weightUntil(profile: Profile, ms: number): number {
  const hours = Math.floor(ms / HOUR_MS)
  const days = Math.floor(hours / HOURS)
  let sum = 0
  for (const [hour, weight] of profile.entries()) {
    const whole = days + (hour < hours % HOURS ? 1 : 0)
    sum += weight * whole * 60
  }
  const minutes = Math.floor((ms % HOUR_MS) / MINUTE_MS)
  return sum + profile[hours % HOURS]! * minutes
}

/** A smaller quota is not paced unless it says so: its head start would hinder a newcomer. */
const LEAST = { requests: 800, tokens: 800_000 }

/**
 * Whether a limit is paced: one of a day or longer that says so, or says nothing and is large enough that its head
 * start is no hindrance. A bucket never is: it refills all the time, which is a pace of its own.
 */
export function isPaced({ unit, amount, perMs, window, pace }: Limit): boolean {
  if (perMs < DAY_MS || window === 'bucket' || pace === false) return false
  if (pace === true) return true
  return amount >= (unit === 'requests' ? LEAST.requests : LEAST.tokens)
}

/** `14:15 UTC`. */
export function clockText(at: number): string {
  const minutes = Math.ceil(at / MINUTE_MS) % (HOURS * 60)
  const two = (number: number) => String(number).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)} UTC`
}
