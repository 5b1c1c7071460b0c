import { amountOf, type Cost, freeFor } from '../../core/limits/account.ts'
import { ceilingHold } from '../../core/limits/ceilings.ts'
import { admitsRank, nextForRank } from '../../core/limits/held-back.ts'
import { declaredOf } from '../../core/limits/learning/learned.ts'
import { type Ledger, NO_PEAK, roomOf, underWay } from '../../core/limits/ledger.ts'
import { capacityOf } from '../../core/types.ts'
import type { LimitAt } from './explanation.ts'

/** One limit against what a request of this rank asks of it at `now`. */
export function limitAt(ledger: Ledger, cost: Cost, now: number, rank: number): LimitAt {
  const { limit } = ledger
  const amount = capacityOf(limit)
  const wanted = amountOf(limit.unit, cost)
  const asked = freeFor(ledger, wanted)
  const counts = amount - roomOf(ledger, now)
  const reserved = Math.min(Math.max(0, counts), underWay(ledger))
  const { at, isPaced } = nextForRank(ledger, asked, now, rank)
  const fits = at <= now
  return {
    limit: limit.name,
    unit: limit.unit,
    per_ms: limit.perMs,
    window: limit.window,
    amount,
    declared: capacityOf(declaredOf(ledger)),
    used: counts - reserved,
    reserved,
    kept: asked === 0 ? 0 : ceilingHold(limit, rank, asked),
    asked,
    fits,
    fits_at: Number.isFinite(at) ? at : null,
    paced: isPaced,
    at_least: fits ? null : leastAmount(ledger, wanted, now, rank),
  }
}

/** Beyond this no amount is looked for; sums stay exact. */
const MOST = 2 ** 50

/**
 * The least amount with which a limit would have room for `wanted` at `now`, all that was spent of it being the same;
 * null when there is none. O(log amount) looks at the ledger.
 */
function leastAmount(ledger: Ledger, wanted: number, now: number, rank: number): number | null {
  const fitsIn = (amount: number) => {
    const raised = raisedTo(ledger, amount)
    return admitsRank(raised, freeFor(raised, wanted), now, rank)
  }
  let low = capacityOf(ledger.limit)
  let high = low * 2
  while (!fitsIn(high)) {
    if (high > MOST) return null
    low = high
    high *= 2
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (fitsIn(middle)) high = middle
    else low = middle
  }
  return high
}

/** The ledger of a limit that lets in more at once. A bucket refills as fast as before, since it was drained so. */
function raisedTo(ledger: Ledger, amount: number): Ledger {
  const { limit, fallback } = ledger
  const more = limit.window === 'bucket' || limit.burst !== null ? { burst: amount } : { amount }
  return {
    ...ledger,
    limit: { ...limit, ...more },
    pace: null,
    peak: NO_PEAK,
    fallback: fallback && raisedTo(fallback, amount),
  }
}
