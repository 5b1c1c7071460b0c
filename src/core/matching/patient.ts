import type { Stock } from '../queue/flows.ts'
import type { Pending } from '../queue/queue.ts'
import type { Weights } from '../types.ts'

/**
 * A patient request weighs nothing but its price, or nothing but quality: it may as well wait for the best LLM, as long
 * as it starts in time. Where many wait, a plan says for how many there is time to. Who weighs several things does not
 * wait long for a little more of one of them.
 */
export function isPatient({ cost, quality, speed }: Weights): boolean {
  return speed === 0 && (cost === 0 || quality === 0)
}

/** What is left of a wait for what no plan foresees: a part of it, as one over it, and a little more. */
const SPARE_PART = 10
const SPARE_MS = 2_000

/** By when a patient request is planned to start. */
export function startBy({ at, deadline }: Pick<Pending, 'at' | 'deadline'>): number {
  return deadline - Math.ceil((deadline - at) / SPARE_PART) - SPARE_MS
}

/** So many of a lane are asked for by when they are to start. */
const SAMPLES = 8
/** A plan is made anew before this part of what waits has started, as one over it. */
const FIRST_PART = 8

/**
 * The time in which all patient requests of a stock have to start at an even pace, so that each of them starts in time:
 * by when half of them have to, twice what is left until then, and so on. The first few, who start first, do not count.
 * O(lanes).
 */
export function timeFor({ kinds, count }: Stock, now: number): number {
  const samples: { readonly leftMs: number; readonly stands: number }[] = []
  for (const kind of kinds) {
    for (const {
      heap: { items },
    } of kind?.lanes ?? []) {
      const stands = Math.ceil(items.length / SAMPLES)
      for (let i = 0; i < items.length; i += stands) {
        const middle = items[Math.min(items.length - 1, i + (stands >> 1))]!
        samples.push({ leftMs: startBy(middle) - now, stands: Math.min(stands, items.length - i) })
      }
    }
  }
  samples.sort((a, b) => a.leftMs - b.leftMs)
  let before = 0
  let least = Number.POSITIVE_INFINITY
  for (const { leftMs, stands } of samples) {
    before += stands
    if (before * FIRST_PART > count) least = Math.min(least, (leftMs * count) / before)
  }
  return least
}
