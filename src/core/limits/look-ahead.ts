import { type Account, amountOf, bindingText, type Cost, freeFor } from './account.ts'
import { ceilingHold } from './ceilings.ts'
import { chargedFrom } from './charge.ts'
import { isInPace, pacedForDemand } from './held-back.ts'
import { type Ledger, nextAdmissible, roomOf, supposing } from './ledger.ts'
import { isPaced } from './pacing.ts'
import { capacityOf, type Limit } from '../types.ts'
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
 * For requests of a rank, the first instant by which so much more in all could have been let in, if all room is taken
 * as it comes back and what is let in comes back after its window; a demand may exceed a limit many times. Exact within
 * the first window, an estimate after it, and never too late as far as limits act together. O(log entries) for each
 * limit.
 */
export function earliestFor(
  account: Account,
  demand: Demand,
  now: number,
  callMs: number = CALL_MS,
  rank = 0,
): Earliest {
  let earliest: Earliest = { at: now, limit: '' }
  for (const ledger of account.ledgers) {
    const amount = demandOn(ledger, demand)
    const hold = ceilingHold(ledger.limit, rank, Math.ceil(amount / demand.requests))
    const roomAt = earliestIn(ledger, amount, now, callMs, hold)
    const isHeld = rank > 0 && amount > 0 && isPaced(ledger.limit)
    const at = isHeld ? pacedForDemand(ledger, amount, roomAt, demand.requests === 1) : roomAt
    if (at > earliest.at) earliest = { at, limit: bindingText(ledger.limit, at, at > roomAt) }
  }
  return earliest
}

function demandOn(ledger: Ledger, demand: Demand): number {
  const { unit } = ledger.limit
  if (unit === 'requests' || unit === 'concurrency') return demand.requests
  return freeFor(ledger, amountOf(unit, demand), demand.requests)
}

function earliestIn(ledger: Ledger, demand: number, now: number, callMs: number, hold: number): number {
  const room = roomOf(ledger, now) - hold
  if (demand <= room || demand <= 0) return now
  const { limit, reserved, fallback } = ledger
  const open = without(limit, hold)
  if (limit.unit === 'concurrency') {
    const free = open.amount - reserved
    if (demand <= free) return nextAdmissible(ledger, demand + hold, now)
    return now + Math.ceil(((demand - free) * callMs) / open.amount)
  }
  const at = supposing(ledger, reserved, now + callMs, () =>
    windowOf(limit).earliestFor(hold === 0 ? ledger : { ...ledger, limit: open }, demand, now),
  )
  return fallback === null ? at : Math.max(at, earliestIn(fallback, demand, now, callMs, hold))
}

/** The limit as it is for whom `hold` of it is kept back; a bucket refills as fast as before. */
export function without(limit: Limit, hold: number): Limit {
  if (hold === 0) return limit
  const open = capacityOf(limit) - hold
  return limit.window === 'bucket' ? { ...limit, burst: open } : { ...limit, amount: open }
}

/**
 * Whether `other` would still fit at the later instant `at` if `cost` is let in now: whether `cost` may go ahead of
 * what waits for that instant with this rank. O(log entries) for each limit.
 */
export function leavesRoomFor(
  { ledgers }: Pick<Account, 'ledgers'>,
  cost: Cost,
  now: number,
  other: Cost,
  at: number,
  callMs: number = CALL_MS,
  rank = 0,
): boolean {
  return ledgers.every((ledger) => {
    const { unit } = ledger.limit
    const wanted = freeFor(ledger, amountOf(unit, other))
    if (wanted === 0) return true
    const amount = amountOf(unit, cost)
    const hold = ceilingHold(ledger.limit, rank, wanted)
    if (wanted + hold > roomAfter(ledger, amount, now, at, callMs)) return false
    if (rank === 0 || !isPaced(ledger.limit)) return true
    const bookedAt = chargedFrom(ledger.limit) === 'start' ? now : now + callMs
    return isInPace(ledger, wanted, at, amount, bookedAt)
  })
}

/** The room at `at` after `amount` was let in at `now`. */
function roomAfter(ledger: Ledger, amount: number, now: number, at: number, callMs: number): number {
  const { limit, reserved, fallback } = ledger
  const holds = amount + reserved
  if (limit.unit === 'concurrency') {
    const lingering = windowOf(limit).loadAt(ledger, at)
    return capacityOf(limit) - lingering - (at < now + callMs ? holds : 0)
  }
  const bookedAt = chargedFrom(limit) === 'start' ? now : now + callMs
  const load = supposing(ledger, holds, bookedAt, () => windowOf(limit).loadAt(ledger, at))
  const room = capacityOf(limit) - load
  return fallback === null ? room : Math.min(room, roomAfter(fallback, amount, now, at, callMs))
}
