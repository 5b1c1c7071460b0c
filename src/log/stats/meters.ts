import { nextStart } from '../../core/limits/windows/calendar.ts'
import { capacityOf, type Limit } from '../../core/types.ts'

/** Counts what is used of one limit, as it is declared. All numbers are integers, all instants ms since 1970. */
export interface Meter {
  /** Everything in the span, in units of the limit; of calls under way, in ms of one call. */
  used(until: number): number
  /** The most that was used in one window, or the most that was in a bucket or under way at once. */
  readonly peak: number
  /** Takes in an amount, not before the last. A call under way is 1 when it begins and -1 when it ends. */
  add(amount: number, at: number): void
}

/**
 * The meter of a limit. What a window is depends on its kind:
 * - `calendar`, and `fixed` of known phase: each from its beginning to the next
 * - `bucket`: what was put in and has not drained, rounded up
 * - `sliding`, `universal`, and `fixed` of unknown phase: each that begins at a whole multiple of a part of its length;
 *   parts are the most up to 60 that divide it in whole ms
 * - `concurrency`: an instant
 */
export function createMeter(limit: Limit): Meter {
  if (limit.unit === 'concurrency') return placesMeter()
  if (limit.window === 'bucket') return bucketMeter(limit)
  const { timeZone, phaseMs, perMs } = limit
  if (limit.window === 'calendar' && timeZone !== null)
    return windowMeter((at) => nextStart(timeZone, perMs, at))
  if (limit.window === 'fixed' && phaseMs !== null)
    return windowMeter((at) => phaseMs + (Math.floor((at - phaseMs) / perMs) + 1) * perMs)
  return slidingMeter(perMs)
}

/** How much a limit allows from `from` to `to`, at its pace and at least once whole; the unit is that of `used`. */
export function allowedBy(limit: Limit, from: number, to: number): number {
  if (limit.unit === 'concurrency') return limit.amount * (to - from)
  const paced = (BigInt(limit.amount) * BigInt(to - from)) / BigInt(limit.perMs)
  return Math.max(capacityOf(limit), Number(paced))
}

function windowMeter(endOf: (at: number) => number): Meter {
  let [used, inWindow, peak, end] = [0, 0, 0, Number.NEGATIVE_INFINITY]
  return {
    used: () => used,
    get peak() {
      return peak
    },
    add(amount, at) {
      if (at >= end) {
        inWindow = 0
        end = endOf(at)
      }
      used += amount
      inWindow += amount
      peak = Math.max(peak, inWindow)
    },
  }
}

const PARTS_MAX = 60

function slidingMeter(perMs: number): Meter {
  const parts = partsOf(perMs)
  const part = perMs / parts
  const amounts = new Float64Array(parts)
  let [used, inWindow, peak, last] = [0, 0, 0, 0]
  return {
    used: () => used,
    get peak() {
      return peak
    },
    add(amount, at) {
      const now = Math.floor(at / part)
      if (now - last >= parts) {
        amounts.fill(0)
        inWindow = 0
      } else
        for (let i = last + 1; i <= now; i++) {
          inWindow -= amounts[i % parts]!
          amounts[i % parts] = 0
        }
      last = now
      amounts[now % parts]! += amount
      used += amount
      inWindow += amount
      peak = Math.max(peak, inWindow)
    },
  }
}

/** The greatest number up to 60 that divides a length. */
export function partsOf(perMs: number): number {
  let parts = PARTS_MAX
  while (perMs % parts !== 0) parts--
  return parts
}

/** The level is kept in units of 1/W: exact as long as the limit times W is below 2^53. */
function bucketMeter({ amount: rate, perMs }: Limit): Meter {
  let [used, level, peak, last] = [0, 0, 0, 0]
  return {
    used: () => used,
    get peak() {
      return Math.ceil(peak / perMs)
    },
    add(amount, at) {
      level = Math.max(0, level - rate * (at - last)) + amount * perMs
      last = at
      used += amount
      peak = Math.max(peak, level)
    },
  }
}

function placesMeter(): Meter {
  let [used, taken, peak, last] = [0, 0, 0, 0]
  return {
    used: (until) => used + taken * (until - last),
    get peak() {
      return peak
    },
    add(amount, at) {
      used += taken * (at - last)
      last = at
      taken += amount
      peak = Math.max(peak, taken)
    },
  }
}
