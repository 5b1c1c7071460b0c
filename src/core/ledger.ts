import { chargedAtEnd, expiryOf } from './window.ts'
import type { Limit } from './types.ts'

/**
 * What was spent and reserved against one limit, and when room comes back.
 *
 * Spent amounts are kept as entries in order of expiry; an entry counts until its window can no longer contain
 * it, whatever the phase of the provider's window. Amounts held by calls under way do not expire: a provider may
 * book them at any instant until the call ends. All numbers are integers.
 */
export interface Ledger {
  readonly limit: Limit
  /** Sorted by `until`; entries before `head` are gone. */
  readonly entries: Entry[]
  head: number
  /** Sum of the entries from `head` on. */
  spent: number
  /** Sum of `held`. */
  reserved: number
  /** Amount held by each call under way, by its key. */
  readonly held: Map<string, Held>
}

interface Entry {
  until: number
  amount: number
}

interface Held {
  amount: number
  /** Expiry of the entry booked at the start; null where the charge is held until the end. */
  until: number | null
}

export function createLedger(limit: Limit): Ledger {
  return {
    limit,
    entries: [],
    head: 0,
    spent: 0,
    reserved: 0,
    held: new Map(),
  }
}

/** What counts against the limit at `now`. Amortised O(1). */
export function used(ledger: Ledger, now: number): number {
  const { entries } = ledger
  let { head } = ledger
  while (head < entries.length && entries[head]!.until <= now) ledger.spent -= entries[head++]!.amount
  if (head > 1024 && head * 2 > entries.length) {
    entries.splice(0, head)
    head = 0
  }
  ledger.head = head
  return ledger.spent + ledger.reserved
}

/** Whether `cost` fits at `now`. */
export function admits(ledger: Ledger, cost: number, now: number): boolean {
  return cost === 0 || used(ledger, now) + cost <= ledger.limit.amount
}

/**
 * The first instant at which `cost` fits if nothing else happens: `now` itself, a later ms, or `Infinity` when
 * only the end of a call under way can make room (or nothing can). O(entries that have to expire).
 */
export function nextAdmissible(ledger: Ledger, cost: number, now: number): number {
  let excess = used(ledger, now) + cost - ledger.limit.amount
  if (cost === 0 || excess <= 0) return now
  for (let i = ledger.head; i < ledger.entries.length; i++) {
    const entry = ledger.entries[i]!
    excess -= entry.amount
    if (excess <= 0) return entry.until
  }
  return Number.POSITIVE_INFINITY
}

/** Sets `amount` aside for the call `key`, which starts at `now`. */
export function reserve(ledger: Ledger, key: string, amount: number, now: number): void {
  if (chargedAtEnd(ledger.limit)) {
    ledger.held.set(key, { amount, until: null })
    ledger.reserved += amount
    return
  }
  const until = expiryOf(ledger.limit, now)
  ledger.held.set(key, { amount, until })
  post(ledger, amount, until)
}

/** Replaces the reservation of `key` by what the call really cost; 0 gives everything back. O(log n). */
export function settle(ledger: Ledger, key: string, actual: number, now: number): void {
  const held = ledger.held.get(key)
  if (held === undefined) return
  ledger.held.delete(key)
  if (held.until !== null) {
    amend(ledger, held.until, actual - held.amount)
    return
  }
  ledger.reserved -= held.amount
  if (ledger.limit.unit !== 'concurrency') post(ledger, actual, expiryOf(ledger.limit, now))
}

/** Books an amount that counts until `until`. O(1) for the latest expiry, O(n) for an earlier one. */
export function post(ledger: Ledger, amount: number, until: number): void {
  if (amount <= 0) return
  const { entries } = ledger
  ledger.spent += amount
  const last = entries.at(-1)
  if (last === undefined || entries.length === ledger.head || last.until < until) {
    entries.push({ until, amount })
    return
  }
  const at = lowerBound(entries, ledger.head, until)
  if (entries[at]?.until === until) entries[at].amount += amount
  else entries.splice(at, 0, { until, amount })
}

/** Changes an entry that may have expired meanwhile. */
function amend(ledger: Ledger, until: number, by: number): void {
  if (by === 0) return
  const at = lowerBound(ledger.entries, ledger.head, until)
  const entry = ledger.entries[at]
  if (entry?.until !== until) return
  entry.amount += by
  ledger.spent += by
}

/** Index of the first entry that does not expire before `until`. */
function lowerBound(entries: readonly Entry[], head: number, until: number): number {
  let low = head
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle]!.until < until) low = middle + 1
    else high = middle
  }
  return low
}
