import type { Limit } from './types.ts'

/**
 * How much longer than the window an entry counts, in ms. Two calls reach the provider with different delays, so
 * they can stand closer together there than here; a window of length W + guard covers every such case.
 */
export const GUARD_MS = 500

/** Windows longer than this are kept at a coarser grain, so that no ledger holds many more than 60,000 entries. */
const GRAINS_PER_WINDOW = 60_000

/** A calendar day is an hour longer where daylight saving time ends. */
const LONGEST_DAY_EXTRA_MS = 3_600_000

/**
 * The instant (ms) from which an amount booked at `now` no longer counts against a sliding window.
 *
 * A log of length W + guard is safe for a sliding window, for a fixed window of any phase and for a bucket that
 * refills continuously, and it is the weakest rule that is safe for all of them: every window of length W at the
 * provider lies inside an interval of length W + guard here. So all declared kinds are enforced by it.
 */
export function expiryOf(limit: Limit, now: number): number {
  const grain = Math.max(1, Math.ceil(limit.perMs / GRAINS_PER_WINDOW))
  const longest = limit.window === 'calendar' ? limit.perMs + LONGEST_DAY_EXTRA_MS : limit.perMs
  return Math.ceil((now + longest + GUARD_MS) / grain) * grain
}

/**
 * Whether a charge is held until its call ends. Requests are counted by every provider when they arrive. Tokens
 * may be booked at the start, as they are produced or at the end: an entry that lives from the start until one
 * window after the end contains the provider's, whichever it is.
 */
export function chargedAtEnd(limit: Limit): boolean {
  return limit.unit !== 'requests'
}
