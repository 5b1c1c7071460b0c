import { add, amountAt, copyOf, createEntries, forget, take } from '../entries.ts'
import type { LearnedWindow } from '../../events.ts'
import { type Held, type Ledger, NO_PEAK, used } from '../ledger.ts'
import { capacityOf, type Limit } from '../../types.ts'
import { windowOf } from '../window.ts'

/** A kind of window that was learned, while a limit is kept as one. */
export interface KeptAs {
  readonly window: LearnedWindow
  /** How much more than the limit may be let in within a window as it is declared, in 64ths. */
  trust: number
  /** Since when it is trusted so much, and whether more than the limit was let in since. */
  since: number
  isUsed: boolean
}

/** From four limits more within one window on, it is the learned kind alone that binds. */
const MOST_TRUST = 256

/** The limit of the fallback: what is in force and what it is trusted with beyond that. */
export function trustedLimit(limit: Limit, { trust }: KeptAs): Limit {
  return { ...limit, amount: limit.amount + Math.ceil((limit.amount * trust) / 64) }
}

/** The limit as the learned kind counts it. */
export function limitKeptAs(
  limit: Limit,
  { window: { window, phase_ms: phaseMs, guard_ms: guardMs } }: KeptAs,
): Limit {
  return { ...limit, window, phaseMs, guardMs }
}

/**
 * Keeps a limit as the learned kind from `now` on. What was booked so far, in a log, is booked anew, with the instants
 * that the log knows; what others used with the instant until which it is known to count. A bucket may be empty from
 * before the log reaches back.
 */
export function keepAs(ledger: Ledger, kept: KeptAs, now: number): void {
  const { limit: log, entries, held, foreign } = ledger
  // What counts no more must not begin to count again, whether or not it was let go of by chance.
  windowOf(log).forget(ledger, now)
  forget(foreign, now)
  ledger.fallback = { ...ledger, learned: null, foreign: copyOf(foreign), limit: trustedLimit(log, kept) }
  const limit = limitKeptAs(log, kept)
  const window = windowOf(limit)
  const loggedMs = log.perMs + log.guardMs
  const expiryOf = (logged: number) => window.expiryOf(limit, logged - loggedMs)
  const leak = { level: capacityOf(limit), since: now - loggedMs }
  Object.assign(ledger, { limit, leak, peak: NO_PEAK, entries: createEntries(), held: new Map() })
  const own = copyOf(entries)
  for (let i = foreign.head; i < foreign.untils.length; i++) {
    const [amount, until] = [amountAt(foreign, i), foreign.untils[i]!]
    take(own, amount, windowOf(log).expiryOfForeign(log, until, now))
    add(ledger.entries, amount, window.expiryOfForeign(limit, until, now))
  }
  for (let i = own.head; i < own.untils.length; i++)
    add(ledger.entries, amountAt(own, i), expiryOf(own.untils[i]!))
  for (const [key, { amount, expiry }] of held)
    ledger.held.set(key, { amount, expiry: expiry === null ? null : expiryOf(expiry) } satisfies Held)
  window.forget(ledger, now)
}

/** Goes back to what is declared, which has booked everything all the while. */
export function keepAsDeclared(ledger: Ledger): void {
  const { fallback } = ledger
  if (fallback === null) return
  const { entries, leak, reserved, held, foreign } = fallback
  Object.assign(ledger, { entries, leak, reserved, held, foreign, peak: NO_PEAK, fallback: null })
}

/** Trusts a learned kind with twice as much, after each window in which it was of use. */
export function trustMore(ledger: Ledger, now: number): void {
  const { limit, fallback } = ledger
  const kept = ledger.learned!.keptAs!
  if (kept.trust >= MOST_TRUST) return
  kept.isUsed ||= used(fallback!, now) > limit.amount
  if (!kept.isUsed || now - kept.since < limit.perMs + limit.guardMs) return
  Object.assign(kept, { trust: kept.trust * 2, since: now, isUsed: false })
  fallback!.limit = { ...fallback!.limit, amount: trustedLimit(limit, kept).amount }
}
