import { logWindow } from './log.ts'
import { DAY_MS, HOUR_MS } from '../../time.ts'

/** The length of a calendar limit that begins anew on the first of the month. */
export const MONTH_MS = 31 * DAY_MS

/**
 * Days or months as a clock on a wall in the provider's zone counts them: a day has 23 to 25 hours where clocks change.
 * As in a fixed window, a call within the guard of midnight counts in both. At most three entries, but for what others
 * used.
 */
export const calendar = logWindow(
  (limit, at) => nextStart(limit.timeZone!, limit.perMs, at + limit.guardMs) + limit.guardMs,
)

/** A stretch of time from which on `end` is the next start. */
interface Stretch {
  from: number
  readonly end: number
}

/** The starts that were asked for last, by zone and length: finding one costs some thirty look-ups of local time. */
const known = new Map<string, Stretch[]>()
const KNOWN_MAX = 4

/** The first instant after `at` (ms since 1970) at which a new local day, or for months a new local month, begins. */
export function nextStart(timeZone: string, perMs: number, at: number): number {
  const key = `${timeZone} ${perMs}`
  const stretches = known.get(key) ?? []
  for (const { from, end } of stretches) if (from <= at && at < end) return end
  const end = findStart(timeZone, perMs, at)
  const same = stretches.find((stretch) => stretch.end === end)
  if (same !== undefined) same.from = Math.min(same.from, at)
  else known.set(key, [{ from: at, end }, ...stretches].slice(0, KNOWN_MAX))
  return end
}

/** By bisection, which needs no rule of daylight saving time but the local date of an instant. */
function findStart(timeZone: string, perMs: number, at: number): number {
  const current = ordinalOf(timeZone, perMs, at)
  let before = at
  let after = at + perMs + 26 * HOUR_MS
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (ordinalOf(timeZone, perMs, middle) === current) before = middle
    else after = middle
  }
  return after
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** A number of the local day or month that `at` lies in; it never falls as time goes on. */
function ordinalOf(timeZone: string, perMs: number, at: number): number {
  let format = formats.get(timeZone)
  if (format === undefined) {
    const fields = { year: 'numeric', month: 'numeric', day: 'numeric' } as const
    format = new Intl.DateTimeFormat('en-US', { timeZone, calendar: 'gregory', ...fields })
    formats.set(timeZone, format)
  }
  const date = { year: 0, month: 0, day: 0 }
  for (const { type, value } of format.formatToParts(at)) {
    if (type === 'year' || type === 'month' || type === 'day') date[type] = Number(value)
  }
  const month = date.year * 12 + date.month
  return perMs === MONTH_MS ? month : month * 31 + date.day
}
