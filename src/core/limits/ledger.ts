import { chargedFrom } from './charge.ts'
import { add, createEntries, type Entries, firstFrom, forget, take, totalFrom } from './entries.ts'
import type { Learned } from './learning/learned.ts'
import { type Pace, type Profile, UNIFORM } from './pacing.ts'
import { capacityOf, type Limit } from '../types.ts'
import { windowOf } from './window.ts'
import type { Leak } from './windows/bucket.ts'

/**
 * What was spent and reserved against one limit. Its window says how long what was spent counts and how much
 * of it; what calls under way hold does not expire where a provider may book it at any instant until the call
 * ends. All numbers are integers, all instants ms since 1970.
 */
export interface Ledger {
  /** What is in force: what is declared, or less where less was learned. */
  limit: Limit
  entries: Entries
  /** What the entries of a bucket drain into. */
  leak: Leak
  /** The load that a universal window found last. */
  peak: { readonly at: number; readonly load: number }
  /** Sum of what is held and not among the entries. */
  reserved: number
  /** What each call under way holds, by its key. */
  held: Map<string, Held>
  /** The hours of the day that it is paced by, and those by which it is from its first day on that begins at `from`. */
  profile: Profile
  next: { readonly profile: Profile; readonly from: number } | null
  /** What its pace was found to allow last. */
  pace: Pace | null
  /** What was learned of the limit; null as long as nothing was. */
  learned: Learned | null
  /** Whether the limit is not declared but was learned as a shorter window of a declared one. */
  readonly hidden: boolean
  /** Those of the entries that others are known to have used. */
  foreign: Entries
  /**
   * The same limit as it is declared, while it is kept as a kind of window that was learned: what it goes back to, and
   * until that is trusted how much more than declared may be let in. Both book everything, and both have to have room.
   */
  fallback: Ledger | null
}

export interface Held {
  readonly amount: number
  /** Expiry of the entry booked at the start; null where the charge is held until the end. */
  readonly expiry: number | null
}

export const NO_PEAK: Ledger['peak'] = { at: Number.NEGATIVE_INFINITY, load: 0 }

export function createLedger(limit: Limit, hidden = false): Ledger {
  return {
    limit,
    entries: createEntries(),
    leak: { level: 0, since: 0 },
    peak: NO_PEAK,
    reserved: 0,
    held: new Map(),
    profile: UNIFORM,
    next: null,
    pace: null,
    learned: null,
    hidden,
    foreign: createEntries(),
    fallback: null,
  }
}

/** What counts against the limit at `now`. Amortised O(1); in a universal window O(entries), once each ms. */
export function used(ledger: Ledger, now: number): number {
  const window = windowOf(ledger.limit)
  window.forget(ledger, now)
  return window.loadAt(ledger, now) + ledger.reserved
}

/** How much could be let in at `now`; below 0 where more was used than the limit. The cost of `used`. */
export function roomOf(ledger: Ledger, now: number): number {
  const room = capacityOf(ledger.limit) - used(ledger, now)
  return ledger.fallback === null ? room : Math.min(room, roomOf(ledger.fallback, now))
}

/** Whether `cost` fits at `now`. The cost of `used`. */
export function admits(ledger: Ledger, cost: number, now: number): boolean {
  return cost === 0 || cost <= roomOf(ledger, now)
}

/**
 * The first instant at which `cost` fits if nothing else happens: `now` itself, a later ms, or `Infinity` when
 * only the end of a call under way can make room (or nothing can). O(log entries); in a universal window O(entries).
 */
export function nextAdmissible(ledger: Ledger, cost: number, now: number): number {
  if (admits(ledger, cost, now)) return now
  const { limit, reserved, fallback } = ledger
  const load = capacityOf(limit) - reserved - cost
  if (load < 0) return Number.POSITIVE_INFINITY
  const clearsAt = Math.max(now + 1, windowOf(limit).clearsAt(ledger, load, now))
  return fallback === null ? clearsAt : Math.max(clearsAt, nextAdmissible(fallback, cost, now))
}

/** Sets `amount` aside for the call `key`, which starts at `now`. */
export function reserve(ledger: Ledger, key: string, amount: number, now: number): void {
  const { limit, held, fallback } = ledger
  if (fallback !== null) reserve(fallback, key, amount, now)
  if (chargedFrom(limit) === 'end') {
    held.set(key, { amount, expiry: null })
    ledger.reserved += amount
    return
  }
  const expiry = windowOf(limit).expiryOf(limit, now)
  held.set(key, { amount, expiry })
  post(ledger, amount, expiry, now)
}

/**
 * Replaces the reservation of `key` by what the call really cost. What it cost beyond the reservation was booked at the
 * end at the latest. O(log entries) where it is held until the end, else O(entries since its start).
 */
export function settle(ledger: Ledger, key: string, actual: number, now: number): void {
  const { limit, held, fallback } = ledger
  if (fallback !== null) settle(fallback, key, actual, now)
  const call = held.get(key)
  if (call === undefined) return
  held.delete(key)
  const window = windowOf(limit)
  let booked = 0
  if (call.expiry === null) ledger.reserved -= call.amount
  else {
    booked = Math.min(actual, call.amount)
    window.forget(ledger, now)
    window.giveBack(ledger, call.amount - booked, call.expiry)
    ledger.peak = NO_PEAK
  }
  if (limit.unit !== 'concurrency') post(ledger, actual - booked, window.expiryOf(limit, now), now)
}

/**
 * Ends the call `key` on a limit of calls under way, when it was cut off at `now`: its provider may take it to be under
 * way for as long as the guard. The call is to be settled on all other ledgers. O(entries), which are few.
 */
export function linger(ledger: Ledger, key: string, now: number): void {
  const { limit, held } = ledger
  const call = held.get(key)
  if (limit.unit !== 'concurrency' || call === undefined) return
  held.delete(key)
  ledger.reserved -= call.amount
  post(ledger, call.amount, windowOf(limit).expiryOf(limit, now), now)
}

/** Books what others used of the same limit, of which is known at `now` that it counts until `until`. */
export function postForeign(ledger: Ledger, amount: number, until: number, now: number): void {
  if (amount <= 0) return
  const { limit, foreign, fallback } = ledger
  if (fallback !== null) postForeign(fallback, amount, until, now)
  forget(foreign, now)
  if (until > now) add(foreign, amount, until)
  post(ledger, amount, windowOf(limit).expiryOfForeign(limit, until, now), now)
}

function post(ledger: Ledger, amount: number, expiry: number, now: number): void {
  if (amount <= 0) return
  windowOf(ledger.limit).forget(ledger, now)
  add(ledger.entries, amount, expiry)
  ledger.peak = NO_PEAK
}

/** What a ledger looks like once an amount more is booked as of `at`, seen by `look`; the ledger stays as it is. */
export function supposing<T>(ledger: Ledger, amount: number, at: number, look: (ledger: Ledger) => T): T {
  const { limit, entries, peak } = ledger
  if (amount === 0) return look(ledger)
  const expiry = windowOf(limit).expiryOf(limit, at)
  add(entries, amount, expiry)
  ledger.peak = NO_PEAK
  const seen = look(ledger)
  take(entries, amount, expiry)
  ledger.peak = peak
  return seen
}

/**
 * What was booked since an instant, with what calls under way hold; more where the window cannot tell. O(log entries).
 */
export function bookedSince({ limit, entries, reserved }: Ledger, since: number): number {
  return totalFrom(entries, firstFrom(entries, windowOf(limit).expiryOf(limit, since))) + reserved
}

/** The same without what others are known to have used, in a log. O(log entries). */
export function ownSince(ledger: Ledger, since: number): number {
  const { limit, foreign } = ledger
  return (
    bookedSince(ledger, since) -
    totalFrom(foreign, firstFrom(foreign, windowOf(limit).expiryOf(limit, since)))
  )
}

/** What calls under way hold in all, wherever it is booked. O(calls under way). */
export function underWay({ held }: Ledger): number {
  let sum = 0
  for (const { amount } of held.values()) sum += amount
  return sum
}
