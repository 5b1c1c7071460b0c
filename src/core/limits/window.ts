import type { Ledger } from './ledger.ts'
import type { Limit, WindowKind } from '../types.ts'
import { bucket } from './windows/bucket.ts'
import { calendar } from './windows/calendar.ts'
import { fixed } from './windows/fixed.ts'
import { sliding } from './windows/sliding.ts'
import { universal } from './windows/universal.ts'

/**
 * One way of counting, as pure functions over the entries of a ledger. A cost is admitted when it and the load are
 * together no more than the limit. All instants are ms since 1970.
 */
export interface Window {
  /** The instant from which an amount booked at `at` need not be known any more. Never falls as `at` rises. */
  expiryOf(limit: Limit, at: number): number
  /** The same for an amount of which it is only known, at `now`, that it counts until `until`. */
  expiryOfForeign(limit: Limit, until: number, now: number): number
  /** Lets go of what counts no more at `now`. Amortised O(1). */
  forget(ledger: Ledger, now: number): void
  /** Gives back an amount that was booked with this expiry, as far as it still counts. */
  giveBack(ledger: Ledger, amount: number, expiry: number): void
  /** What counts against the limit at `at`, now or later, if nothing is added before. */
  loadAt(ledger: Ledger, at: number): number
  /** The first instant from `now` on at which the load is at most `load`, which is at least 0. */
  clearsAt(ledger: Ledger, load: number, now: number): number
  /**
   * The first instant by which `demand` more in all could have been let in, all room being taken as it comes back.
   * Exact within the first window.
   */
  earliestFor(ledger: Ledger, demand: number, now: number): number
}

export const WINDOWS: Readonly<Record<WindowKind, Window>> = { sliding, fixed, bucket, calendar, universal }

export function windowOf(limit: Limit): Window {
  return WINDOWS[limit.window]
}
