import { isWithin, type Range, refillRange, type Sighting, USUAL_MS } from './sighting.ts'

/** What speaks for a bucket: sightings in a row that one time to refill explains. Changed in place. */
export interface Refill {
  /** What all of them allow. */
  range: Range
  /** How many of them told it within a factor of 2, each with another count than the one before. */
  told: number
  lastUsed: number
  /** The least and the most that was used in these. */
  leastUsed: number
  mostUsed: number
}

/** So many sightings have to agree. */
const TOLD = 12

export function createRefill(): Refill {
  const range = { shortest: 0, longest: Number.POSITIVE_INFINITY }
  return {
    range,
    told: 0,
    lastUsed: Number.NEGATIVE_INFINITY,
    leastUsed: Number.POSITIVE_INFINITY,
    mostUsed: 0,
  }
}

/** Takes in a sighting. One that does not agree begins anew. */
export function watchRefill(refill: Refill, sighting: Sighting): void {
  const own = refillRange(sighting)
  const shortest = Math.max(refill.range.shortest, own.shortest)
  const longest = Math.min(refill.range.longest, own.longest)
  if (shortest > longest) Object.assign(refill, createRefill(), { range: own })
  else refill.range = { shortest, longest }
  if (own.longest > 2 * own.shortest) return
  const used = sighting.limit - sighting.remaining
  if (Math.abs(used - refill.lastUsed) <= sighting.countSlack) return
  refill.told++
  refill.lastUsed = used
  refill.leastUsed = Math.min(refill.leastUsed, used)
  refill.mostUsed = Math.max(refill.mostUsed, used)
}

/**
 * The time to refill that is proven: `times` twelve sightings agree on it, some with at least twice as much used as
 * others. Where a window or a log stands at the same count, its reset does not grow with what is used. Null until then,
 * and where neither the expected length nor a single usual one is meant.
 */
export function provenRefillMs(
  { range, told, leastUsed, mostUsed }: Refill,
  expectedMs: number,
  times: number,
) {
  if (told < TOLD * times || mostUsed < 2 * leastUsed) return null
  if (isWithin(expectedMs, range)) return expectedMs
  const usual = USUAL_MS.filter((ms) => isWithin(ms, range))
  return usual.length === 1 ? usual[0]! : null
}
