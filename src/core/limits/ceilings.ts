import type { Limit } from '../types.ts'
import { capacityOf } from '../types.ts'

/** A ceiling that leaves all of a limit. */
export const WHOLE = 1000

/**
 * What a ceiling keeps free of a limit for higher priorities while `amount` is asked for by a request of this rank (0
 * is the highest priority): the rest of the limit, rounded up. Never so much that `amount` would not fit an unused
 * limit, so that what was not refused on arrival can run some time.
 */
export function ceilingHold(limit: Limit, rank: number, amount: number): number {
  const ceiling = limit.ceilings?.[rank] ?? WHOLE
  if (ceiling >= WHOLE) return 0
  const capacity = capacityOf(limit)
  const open = Math.floor((capacity * ceiling) / WHOLE)
  return Math.max(0, Math.min(capacity - open, capacity - amount))
}
