import { amountAt, forget, take, total, totalAt } from '../entries.ts'
import type { Ledger } from '../ledger.ts'
import { capacityOf, type Limit } from '../../types.ts'
import type { Window } from '../window.ts'

/** What drains away all the time; an amount enters it once the guard after its booking is over. */
export interface Leak {
  /** What there was at `since`; an integer. */
  readonly level: number
  readonly since: number
}

/** Steps in which the guard is kept; bounds the entries. */
const GRAINS_PER_GUARD = 64

function expiryOf({ guardMs }: Limit, at: number): number {
  const grain = Math.max(1, Math.ceil(guardMs / GRAINS_PER_GUARD))
  return Math.ceil((at + guardMs) / grain) * grain
}

/**
 * What is left of the leak at `at`, rounded up: level - amount x elapsed / W. Exact while the product is below 2^53.
 */
function levelAt({ level, since }: Leak, { amount, perMs }: Limit, at: number): number {
  return Math.max(0, level - Math.floor((amount * (at - since)) / perMs))
}

/** The first instant at which the leak is at most `level`. */
function levelsOffAt(leak: Leak, limit: Limit, level: number): number {
  const excess = leak.level - level
  if (excess <= 0) return leak.since
  let at = leak.since + Math.ceil((excess * limit.perMs) / limit.amount)
  // A division may be a rounding off, to either side.
  while (levelAt(leak, limit, at) > level) at++
  while (levelAt(leak, limit, at - 1) <= level) at--
  return at
}

/**
 * The leak after an amount entered it at `at`. It keeps its start while it drains, so that nothing is lost to rounding.
 */
function entered(leak: Leak, limit: Limit, amount: number, at: number): Leak {
  if (levelAt(leak, limit, at) === 0) return { level: amount, since: at }
  const windows = Math.floor((at - leak.since) / limit.perMs)
  return {
    level: leak.level + amount - windows * limit.amount,
    since: leak.since + windows * limit.perMs,
  }
}

/** The leak once it has taken in the entries that are due by `at`, in order. */
export function leakAt({ entries: { untils, head }, entries, limit, leak }: Ledger, at: number): Leak {
  let next = leak
  for (let i = head; i < untils.length && untils[i]! <= at; i++)
    next = entered(next, limit, amountAt(entries, i), untils[i]!)
  return next
}

/** Has a bucket drain until `at`, so that it may go on at another rate from there. */
export function drainUntil(ledger: Ledger, at: number): void {
  bucket.forget(ledger, at)
  ledger.leak = { level: levelAt(ledger.leak, ledger.limit, at), since: at }
}

function clearsAt({ entries, limit, leak }: Ledger, load: number, now: number): number {
  let next = leak
  let waiting = total(entries)
  for (let i = entries.head; i < entries.untils.length; i++) {
    const until = entries.untils[i]!
    if (waiting <= load) {
      const at = levelsOffAt(next, limit, load - waiting)
      if (at <= until) return Math.max(now, at)
    }
    const amount = amountAt(entries, i)
    waiting -= amount
    next = entered(next, limit, amount, until)
  }
  return Math.max(now, levelsOffAt(next, limit, load))
}

/**
 * A bucket of `burst` (else the whole limit) that refills at amount / W. It is safe for a provider with such a bucket
 * whatever travels faster or slower by the guard: its level is at most what was sent within the guard and what a
 * bucket holds that was filled before and has drained since. After a rest the whole burst fits; sustains
 * the whole limit. At most 65 entries.
 */
export const bucket: Window = {
  expiryOf,
  // What others took drains after all the rest, as the provider's own count does.
  expiryOfForeign: (_limit, _until, now) => now,
  forget(ledger, now) {
    const { untils, head } = ledger.entries
    if (head === untils.length || untils[head]! > now) return
    ledger.leak = leakAt(ledger, now)
    forget(ledger.entries, now)
  },
  giveBack(ledger, amount, expiry) {
    const { entries, leak } = ledger
    if (!take(entries, amount, expiry)) ledger.leak = { ...leak, level: Math.max(0, leak.level - amount) }
  },
  loadAt(ledger, at) {
    const { entries, limit } = ledger
    return totalAt(entries, at) + levelAt(leakAt(ledger, at), limit, at)
  },
  clearsAt,
  earliestFor(ledger, demand, now) {
    const { amount, perMs, guardMs } = ledger.limit
    const most = capacityOf(ledger.limit)
    const beyond = Math.max(0, demand - most)
    // A bucket that drains within the guard stands empty for the rest of it.
    const msOfEach = Math.max(perMs / amount, guardMs / most)
    return clearsAt(ledger, most - (demand - beyond), now) + Math.ceil(beyond * msOfEach)
  },
}
