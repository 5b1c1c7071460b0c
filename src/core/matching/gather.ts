import type { LlmView } from './choose.ts'
import { used } from '../limits/ledger.ts'
import { capacityOf } from '../types.ts'

/**
 * Requests that come within a few milliseconds of each other are looked at together: which of them should have the
 * scarce room can only be told once they are all here. It costs them a few milliseconds and nobody else anything.
 */
export interface Gathering {
  /** When the last request came, and how many came before it at this pace. */
  lastAt: number
  count: number
  /** Since when requests are held back, and when they are started; Infinity when none is. */
  since: number
  until: number
}

/** Requests no further apart than this come together. */
const PACE_MS = 5
/** From how many on they are a burst. */
const BURST_FROM = 4
/** How long the first of a burst is held back at most. */
const LONGEST_MS = 20
/** Room is scarce once more than this share of a limit is used, as one over it. */
const SCARCE_FROM = 8

export function createGathering(): Gathering {
  return {
    lastAt: Number.NEGATIVE_INFINITY,
    count: 0,
    since: Number.POSITIVE_INFINITY,
    until: Number.POSITIVE_INFINITY,
  }
}

/** Notes an arrival. */
export function arrive(gathering: Gathering, at: number): void {
  gathering.count = at - gathering.lastAt <= PACE_MS ? gathering.count + 1 : 1
  gathering.lastAt = at
}

/** Whether a request that came at `at` and could start on this LLM should be looked at together with others. */
export function isGathered({ count }: Gathering, view: LlmView, at: number, deadline: number): boolean {
  if (count < BURST_FROM || deadline < at + LONGEST_MS) return false
  for (const ledger of view.account.ledgers)
    if (used(ledger, at) * SCARCE_FROM > capacityOf(ledger.limit)) return true
  return false
}

/** Whether requests are held back now. */
export function isHolding({ until }: Gathering): boolean {
  return until !== Number.POSITIVE_INFINITY
}

/** Holds a request back until no more come, or the first of them has waited for long enough. */
export function hold(gathering: Gathering, at: number): void {
  gathering.since = Math.min(gathering.since, at)
  gathering.until = Math.min(gathering.since + LONGEST_MS, at + PACE_MS)
}

/** Ends the time for which requests are held back, once it is over and they were looked at. */
export function release(gathering: Gathering, at: number): void {
  if (at < gathering.until) return
  gathering.since = Number.POSITIVE_INFINITY
  gathering.until = Number.POSITIVE_INFINITY
}
