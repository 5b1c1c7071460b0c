import { DURATION, durationMs } from '../config/units.ts'

/** ISO 8601, of which the time of day may be left out; without a zone it is UTC. */
const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/

/** An instant in ms since 1970 from a duration before `now`, or from a time; null for anything else. */
export function instantOf(text: string, now: number): number | null {
  if (DURATION.test(text)) return now - durationMs(text)
  if (!TIME.test(text)) return null
  const zoned = text.includes('T') && !/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? `${text}Z` : text
  const at = Date.parse(zoned)
  return Number.isNaN(at) ? null : at
}
