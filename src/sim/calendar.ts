export type CalendarPeriod = 'day' | 'month'

/** No day is longer than this, and no month. */
const LONGEST_MS: Readonly<Record<CalendarPeriod, number>> = { day: 26 * 3_600_000, month: 32 * 86_400_000 }
const LENGTH_OF_KEY: Readonly<Record<CalendarPeriod, number>> = { day: 10, month: 7 }

const formats = new Map<string, Intl.DateTimeFormat>()

/**
 * The instant (ms since 1970) at which the day or month that holds `at` ends in an IANA zone: the next midnight
 * there, whatever clocks are set forward or back on the way. Found by halving, about 30 looks at the zone's calendar.
 */
export function endOfPeriod(at: number, zone: string, period: CalendarPeriod): number {
  const key = keyOf(at, zone, period)
  let within = at
  let after = at + LONGEST_MS[period]
  while (after - within > 1) {
    const middle = Math.floor((within + after) / 2)
    if (keyOf(middle, zone, period) === key) within = middle
    else after = middle
  }
  return after
}

/** `2026-03-29` or `2026-03`. */
function keyOf(at: number, zone: string, period: CalendarPeriod): string {
  let format = formats.get(zone)
  if (format === undefined) {
    // Canada writes year, month and day in this order.
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    })
    formats.set(zone, format)
  }
  return format.format(at).slice(0, LENGTH_OF_KEY[period])
}
