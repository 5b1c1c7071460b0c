import { type Account, amountOf, type Cost } from './account.ts'
import { chargedFrom } from './charge.ts'
import { type Ledger, nextAdmissible, roomOf, supposing, used } from './ledger.ts'
import { capacityOf } from './types.ts'
import { windowOf } from './window.ts'

/**
 * What a scheduler has to know of the time to come. Calls under way are taken to end `callMs` from now and to
 * take all that they hold; one window later it comes back. Nothing here changes a ledger.
 */

/** How long a call takes where the caller knows no better, in ms. */
export const CALL_MS = 10_000

/** A cost of several calls together. */
export interface Demand extends Cost {
  readonly requests: number
}

/** When a demand could have been met, and the limit that keeps it waiting longest; its name is empty at `now`. */
export interface Earliest {
  readonly at: number
  readonly limit: string
}

/**
 * The first instant by which so much more in all could have been let in, if all room is taken as it comes back and
 * what is let in comes back after its window; a demand may exceed a limit many times. Exact within the first
 * window, an estimate after it, and never too late as far as limits act together. O(log entries) for each limit.
 */
export function earliestFor(
  account: Account,
  demand: Demand,
  now: number,
  callMs: number = CALL_MS,
): Earliest {
  let earliest: Earliest = { at: now, limit: '' }
  for (const ledger of account.ledgers) {
    const at = earliestIn(ledger, demandOn(ledger, demand), now, callMs)
    if (at > earliest.at) earliest = { at, limit: ledger.limit.name }
  }
  return earliest
}

function demandOn({ limit: { unit } }: Ledger, demand: Demand): number {
  return unit === 'requests' || unit === 'concurrency' ? demand.requests : amountOf(unit, demand)
}

function earliestIn(ledger: Ledger, demand: number, now: number, callMs: number): number {
  const room = roomOf(ledger, now)
  if (demand <= room || demand <= 0) return now
  const { limit, reserved } = ledger
  if (limit.unit === 'concurrency') {
    const free = limit.amount - reserved
    if (demand <= free) return nextAdmissible(ledger, demand, now)
    return now + Math.ceil(((demand - free) * callMs) / limit.amount)
  }
  return supposing(ledger, reserved, now + callMs, () => windowOf(limit).earliestFor(ledger, demand, now))
}

/**
 * Whether `other` would still fit at the later instant `at` if `cost` is let in now: whether `cost` may go ahead of
 * what waits for that instant. O(log entries) for each limit.
 */
export function leavesRoomFor(
  { ledgers }: Pick<Account, 'ledgers'>,
  cost: Cost,
  now: number,
  other: Cost,
  at: number,
  callMs: number = CALL_MS,
): boolean {
  return ledgers.every((ledger) => {
    const { unit } = ledger.limit
    const wanted = amountOf(unit, other)
    return wanted === 0 || wanted <= roomAfter(ledger, amountOf(unit, cost), now, at, callMs)
  })
}

/** The room at `at` after `amount` was let in at `now`. */
function roomAfter(ledger: Ledger, amount: number, now: number, at: number, callMs: number): number {
  const { limit, reserved } = ledger
  const holds = amount + reserved
  if (limit.unit === 'concurrency') {
    const lingering = windowOf(limit).loadAt(ledger, at)
    return capacityOf(limit) - lingering - (at < now + callMs ? holds : 0)
  }
  const bookedAt = chargedFrom(limit) === 'start' ? now : now + callMs
  const load = supposing(ledger, holds, bookedAt, () => windowOf(limit).loadAt(ledger, at))
  return capacityOf(limit) - load
}

/** How much of a limit is used at `now`, in thousandths, rounded up; above 1000 where it was overrun. */
export interface Share {
  readonly limit: string
  readonly used: number
}

/** How full each limit is, in the order of the account. */
export function usedShare(account: Account, now: number): Share[] {
  return account.ledgers.map((ledger) => {
    const { name } = ledger.limit
    return { limit: name, used: Math.ceil((used(ledger, now) * 1000) / capacityOf(ledger.limit)) }
  })
}
