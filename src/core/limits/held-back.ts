import { ceilingHold } from './ceilings.ts'
import { admits, bookedSince, type Ledger, nextAdmissible, roomOf } from './ledger.ts'
import {
  allowanceAt,
  allowedFrom,
  type Day,
  isPaced,
  type Pace,
  pacedOf,
  type Profile,
  STEP_MS,
} from './pacing.ts'
import { capacityOf, type Limit } from '../types.ts'
import { nextStart } from './windows/calendar.ts'

/**
 * What a limit keeps back from requests of lower priority: the rest above their ceiling, and what their pace does not
 * allow yet. A rank counts priorities from 0, the highest, from which no pace keeps anything.
 */

/**
 * Whether a request of this rank may take `amount` at `now`. The cost of `used`, and O(log entries) where it is paced.
 */
export function admitsRank(ledger: Ledger, amount: number, now: number, rank: number): boolean {
  if (amount === 0) return true
  if (!admits(ledger, amount + ceilingHold(ledger.limit, rank, amount), now)) return false
  return rank === 0 || !isPaced(ledger.limit) || pacedFrom(ledger, amount, now) === now
}

/** The most that a request of this rank may take at `now`: what `admitsRank` admits. Its cost. */
export function roomForRank(ledger: Ledger, now: number, rank: number): number {
  const { limit } = ledger
  const room = roomOf(ledger, now)
  const capacity = capacityOf(limit)
  const held = room === capacity ? room : room - ceilingHold(limit, rank, 0)
  if (rank === 0 || !isPaced(limit)) return held
  const { day, allowed } = paceAt(ledger, now)
  const taken = bookedSince(ledger, day.start)
  return taken === 0 ? held : Math.min(held, allowed - taken)
}

/** Whether a limit keeps anything back from some rank. */
export function isHeldBack(limit: Limit): boolean {
  return limit.ceilings !== undefined || isPaced(limit)
}

/** Whether as much is kept back from the one rank as from the other. */
export function isHeldAlike(
  { ledgers }: { readonly ledgers: readonly Ledger[] },
  rank: number,
  other: number,
): boolean {
  return ledgers.every(
    ({ limit }) =>
      limit.ceilings?.[rank] === limit.ceilings?.[other] && (rank > 0 === other > 0 || !isPaced(limit)),
  )
}

/** The first instant at which a request of a rank may take an amount, and whether its pace is what binds. */
export interface Admission {
  readonly at: number
  readonly isPaced: boolean
}

/** As `nextAdmissible`, for a request of this rank; exact to the ms. */
export function nextForRank(ledger: Ledger, amount: number, now: number, rank: number): Admission {
  if (amount === 0) return { at: now, isPaced: false }
  const at = nextAdmissible(ledger, amount + ceilingHold(ledger.limit, rank, amount), now)
  if (rank === 0 || at === Number.POSITIVE_INFINITY || !isPaced(ledger.limit)) return { at, isPaced: false }
  const allowed = pacedFrom(ledger, amount, at)
  return { at: allowed, isPaced: allowed > at }
}

/** A day and the few that may follow before what counts today has left every count. */
const DAYS_AHEAD = 3

/**
 * The first instant from `from` on at which the pace allows `amount` more, if nothing else happens; Infinity when only
 * the end of calls under way can tell. The first call of a day may exceed the allowance, if `isOne`, so that a large
 * one can run some time.
 */
function pacedFrom(ledger: Ledger, amount: number, from: number, isOne = true): number {
  const { limit } = ledger
  let at = from
  for (let i = 0; i < DAYS_AHEAD; i++) {
    const { day, allowed, profile } = paceAt(ledger, at)
    const wanted = bookedSince(ledger, day.start) + amount
    if (wanted <= allowed || (wanted === amount && isOne)) return at
    const next = allowedFrom(limit.amount, profile, day, wanted, at)
    if (next !== Number.POSITIVE_INFINITY) return next
    at = day.end
  }
  return Number.POSITIVE_INFINITY
}

/** Whether `amount` is within the pace at `at` once `more` was taken at `bookedAt`. */
export function isInPace(
  ledger: Ledger,
  amount: number,
  at: number,
  more: number,
  bookedAt: number,
): boolean {
  const { day, allowed } = paceAt(ledger, at)
  const taken = bookedSince(ledger, day.start) + (bookedAt < day.start ? 0 : more)
  return taken === 0 || taken + amount <= allowed
}

/** The first instant by which several calls may have taken `demand` in all. Exact where a day can hold it. */
export function pacedForDemand(ledger: Ledger, demand: number, from: number, isOne: boolean): number {
  const { amount, perMs } = ledger.limit
  if (isOne) return pacedFrom(ledger, demand, from)
  const days = Math.floor((demand - 1) / pacedOf(amount))
  return pacedFrom(ledger, demand - days * pacedOf(amount), from, false) + days * perMs
}

/** What the pace lets through from `now` until an instant, if all of it is taken as soon as it may be. */
export function pacedUntil(ledger: Ledger, now: number, until: number): number {
  const { limit } = ledger
  const first = dayOf(limit, now)
  const within = (day: Day, at: number) => {
    const allowed = allowanceAt(limit.amount, profileOn(ledger, day), day, at)
    return Math.max(0, allowed - bookedSince(ledger, day.start))
  }
  if (until < first.end) return within(first, until)
  const last = dayOf(limit, until)
  const between = Math.round((last.start - first.end) / limit.perMs) * pacedOf(limit.amount)
  return within(first, first.end - 1) + between + within(last, until)
}

/** What the pace of a ledger allows at `now`; worked out once for each step of it. */
function paceAt(ledger: Ledger, now: number): Pace {
  const { limit, pace } = ledger
  if (pace?.limit === limit && now >= pace.from && now < pace.until) return pace
  const day = dayOf(limit, now)
  const profile = profileOn(ledger, day)
  const from = day.start + Math.floor((now - day.start) / STEP_MS) * STEP_MS
  const until = Math.min(day.end, from + STEP_MS)
  const allowed = allowanceAt(limit.amount, profile, day, now)
  ledger.pace = { limit, profile, day, from, until, allowed }
  return ledger.pace
}

/** The hours by which a ledger is paced on one of its days. */
export function profileOn({ profile, next }: Ledger, { start }: Day): Profile {
  return next !== null && start >= next.from ? next.profile : profile
}

/** Has a ledger paced by other hours on all of its days that begin at `from` or later. */
export function paceAnew(ledger: Ledger, profile: Profile, from: number, now: number): void {
  ledger.profile = profileOn(ledger, dayOf(ledger.limit, now))
  ledger.next = { profile, from }
  ledger.pace = null
}

/** The day that a quota is spread over: that of its provider where it is known, else that of UTC. */
export function dayOf(limit: Limit, at: number): Day {
  const { window, perMs, timeZone, phaseMs } = limit
  if (window !== 'calendar') {
    const phase = window === 'fixed' ? (phaseMs ?? 0) : 0
    const start = phase + Math.floor((at - phase) / perMs) * perMs
    return { start, end: start + perMs }
  }
  const end = nextStart(timeZone!, perMs, at)
  let start = nextStart(timeZone!, perMs, at - perMs - LONGER_DAY_MS)
  for (let next = start; next <= at; next = nextStart(timeZone!, perMs, next)) start = next
  return { start, end }
}

/** How much longer than its period a day can be where clocks change, and a spare hour. */
const LONGER_DAY_MS = 2 * 3_600_000
