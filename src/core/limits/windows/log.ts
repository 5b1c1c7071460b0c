import { firstLeaving, forget, take, totalAt } from '../entries.ts'
import type { Ledger } from '../ledger.ts'
import type { Limit } from '../../types.ts'
import type { Window } from '../window.ts'

/** Windows longer than this are kept at a coarser grain, so that no ledger holds many more than 60,000 entries. */
const GRAINS_PER_WINDOW = 60_000

/** Rounds an expiry up to the grain of its window, which is 1 ms up to a minute. */
export function grained({ perMs }: Limit, expiry: number): number {
  const grain = Math.max(1, Math.ceil(perMs / GRAINS_PER_WINDOW))
  return Math.ceil(expiry / grain) * grain
}

/**
 * What all windows share in which an amount counts in full until it does not count at all; they differ in when
 * that is.
 */
export function logWindow(expiryOf: Window['expiryOf']): Window {
  const clearsAt = ({ entries }: Ledger, load: number, now: number) => {
    const last = firstLeaving(entries, load)
    return last < 0 ? now : Math.max(now, entries.untils[last]!)
  }
  return {
    expiryOf,
    expiryOfForeign: grained,
    forget: ({ entries }, now) => forget(entries, now),
    giveBack: ({ entries }, amount, expiry) => void take(entries, amount, expiry),
    loadAt: ({ entries }, at) => totalAt(entries, at),
    clearsAt,
    earliestFor(ledger, demand, now) {
      const { limit } = ledger
      const rounds = Math.floor((demand - 1) / limit.amount)
      const at = clearsAt(ledger, limit.amount - (demand - rounds * limit.amount), now)
      if (rounds === 0) return at
      const next = expiryOf(limit, at)
      return next + (rounds - 1) * (expiryOf(limit, next) - next)
    },
  }
}
