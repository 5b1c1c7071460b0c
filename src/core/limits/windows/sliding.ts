import type { Limit } from '../../types.ts'
import { grained, logWindow } from './log.ts'

/** A log of length W + guard: every window of length W at the provider lies inside one of this length here. */
export function slidingExpiry(limit: Limit, at: number): number {
  return grained(limit, at + limit.perMs + limit.guardMs)
}

/**
 * The log over the last W + guard. It is the weakest rule that is safe for a sliding window, for a fixed window of
 * any phase, for one that begins with the first call, and for a bucket that holds the whole limit: every such
 * provider can refuse what it would not admit. Sustains W / (W + guard) of the limit. At most some 60,000 entries.
 */
export const sliding = logWindow(slidingExpiry)
