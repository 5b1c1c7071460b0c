import { DURATION, durationMs } from '../config/units.ts'

const DAY_MS = 86_400_000
const TIME = /^\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?$/
const DATE_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/

/** How a moment is written on a command line, for messages and help. */
export const MOMENT_HELP =
  'a duration ago such as 30m, 24h or 7d, or a time such as 13:42 (UTC, the last one) or 2026-01-31T08:00Z'

/**
 * The instant that a text means, in ms since 1970: a duration before `now`, or a date or time of ISO 8601, which is
 * UTC where it has no offset; a time without a date is the last one before `now`. Null for any other text, and for a
 * day that no calendar has.
 */
export function momentOf(text: string, now: number): number | null {
  if (DURATION.test(text)) return now - durationMs(text)
  if (TIME.test(text)) return lastTime(text, now)
  if (!DATE_TIME.test(text)) return null
  const [date = '', time = ''] = text.split('T')
  const day = Date.parse(`${date}T00:00Z`)
  // A date that does not exist is either refused or taken for one of the next month.
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) return null
  if (time === '') return day
  const at = Date.parse(/(?:Z|[+-]\d\d:\d\d)$/.test(time) ? text : `${text}Z`)
  return Number.isNaN(at) ? null : at
}

/** The last instant up to `now` at which clocks showed a time of day; null for a time that no clock shows. */
function lastTime(time: string, now: number): number | null {
  const at = momentOf(`${new Date(now).toISOString().slice(0, 10)}T${time}`, now)
  if (at === null) return null
  return at - Math.ceil((at - now) / DAY_MS) * DAY_MS
}
