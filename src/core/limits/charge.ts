import type { ChargeRule, Limit } from '../types.ts'

/**
 * How a provider charges a call to a limit, so that the ledger here is never below the provider's. What is
 * reserved when a call starts is the provider's own reservation, or else what an answer will most probably take.
 */
interface Charge {
  /**
   * Whether an entry counts for one window from the start of its call or from the end. An entry that is held until
   * the end and counts for one window more is safe whenever in between the provider books.
   */
  readonly booked: 'start' | 'end'
  /** Whether the client's bound on the answer is reserved, because the provider does so too or may. */
  readonly bound: boolean
  /** Whether what was reserved and not used is given back. */
  readonly refunds: boolean
  /** Whether the tokens that the provider read from its cache are free. */
  readonly cachedFree: boolean
}

/** `unknown` is safe for every provider that gives back what was reserved and not used. */
export const CHARGES: Readonly<Record<ChargeRule, Charge>> = {
  reserve_no_refund: { booked: 'start', bound: true, refunds: false, cachedFree: false },
  reserve_trueup: { booked: 'start', bound: true, refunds: true, cachedFree: false },
  actual_at_end: { booked: 'end', bound: false, refunds: true, cachedFree: false },
  actual_as_produced: { booked: 'end', bound: false, refunds: true, cachedFree: false },
  input_uncached_only: { booked: 'start', bound: false, refunds: true, cachedFree: true },
  unknown: { booked: 'end', bound: true, refunds: true, cachedFree: false },
}

/** Requests are counted by every provider when they arrive; places are held until they are left. */
export function chargedFrom({ unit, charge }: Limit): Charge['booked'] {
  if (unit === 'requests') return 'start'
  return unit === 'concurrency' ? 'end' : CHARGES[charge].booked
}
