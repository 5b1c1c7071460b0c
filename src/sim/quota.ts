import type { LimitReport } from '../core/events.ts'
import type { Unit } from '../core/types.ts'
import { type Booking, type Counting, createMeter, type Meter } from './meter.ts'

/**
 * When tokens are booked. Requests are booked when they arrive, whatever the rule.
 * - `reserve_no_refund`: input and the bound of the output at the start, never given back
 * - `reserve_trueup`: the same, put right when the answer ends
 * - `actual_at_end`: nothing until the answer ends; whoever finds any room is let in
 * - `actual_as_produced`: the input at the start, the output while it is produced
 * - `input_uncached_only`: as `reserve_trueup`, without the input that was in the provider's cache
 */
export const CHARGES = [
  'reserve_no_refund',
  'reserve_trueup',
  'actual_at_end',
  'actual_as_produced',
  'input_uncached_only',
] as const
export type Charge = (typeof CHARGES)[number]

/** One limit as its provider enforces it. */
export interface TrueLimit {
  readonly name: string
  readonly unit: Unit
  readonly amount: number
  /** 0 for `concurrency`. */
  readonly perMs: number
  readonly counting: Counting
  readonly charge: Charge
  /** Whether the balancer knows enough to keep to it always; if it does, a refusal is a violation. */
  readonly promised: boolean
}

/** What one call takes, as its provider counts it. */
export interface CallTokens {
  readonly input: number
  /** The part of `input` that the provider had in its cache. */
  readonly cached: number
  /** The client's bound of the output; null when it gave none, and the provider knows the length beforehand. */
  readonly bound: number | null
  readonly output: number
}

export interface Ticket {
  readonly call: CallTokens
  readonly bookings: readonly (Booking | null)[]
  produced: number
}

export type Admission =
  | { readonly kind: 'admitted'; readonly ticket: Ticket }
  /** `fitsAt` is when the call would pass; Infinity when only the end of another one makes room. */
  | { readonly kind: 'refused'; readonly limit: TrueLimit; readonly fitsAt: number }
  /** Larger than the whole limit. */
  | { readonly kind: 'too_large'; readonly limit: TrueLimit }

/** All limits of one provider. */
export interface Quota {
  admit(call: CallTokens, at: number): Admission
  /** Books a call that was refused against the limits of requests, as some providers do. */
  countRefused(at: number): void
  /** More output came into being. */
  produce(ticket: Ticket, tokens: number, at: number): void
  /** The call is over, having produced what it has. */
  end(ticket: Ticket, at: number): void
  reports(at: number): LimitReport[]
  /** How often each limit was found overbooked after a booking, by name. */
  readonly overruns: ReadonlyMap<string, number>
  readonly active: number
}

export function createQuota(limits: readonly TrueLimit[]): Quota {
  const meters = limits.map(({ unit, amount, perMs, counting }) =>
    unit === 'concurrency' ? null : createMeter(amount, perMs, counting),
  )
  const overruns = new Map<string, number>()
  let active = 0

  const book = (i: number, amount: number, at: number): Booking | null => {
    const booking = amount === 0 ? null : (meters[i]?.book(amount, at) ?? null)
    checkOverrun(i, at)
    return booking
  }
  const checkOverrun = (i: number, at: number) => {
    const { name } = limits[i]!
    if ((meters[i]?.left(at) ?? 0) < 0) overruns.set(name, (overruns.get(name) ?? 0) + 1)
  }
  const refusalOf = (call: CallTokens, at: number): Admission | null => {
    for (const [i, limit] of limits.entries()) {
      const meter = meters[i] ?? null
      if (meter === null) {
        if (active < limit.amount) continue
        return { kind: 'refused', limit, fitsAt: Number.POSITIVE_INFINITY }
      }
      const amount = Math.max(1, bookedAtStart(limit, call))
      if (meter.fits(amount, at)) continue
      const fitsAt = meter.fitsAt(amount, at)
      return Number.isFinite(fitsAt) ? { kind: 'refused', limit, fitsAt } : { kind: 'too_large', limit }
    }
    return null
  }
  return {
    overruns,
    get active() {
      return active
    },
    admit(call, at) {
      const refusal = refusalOf(call, at)
      if (refusal !== null) return refusal
      active++
      const bookings = limits.map((limit, i) => book(i, bookedAtStart(limit, call), at))
      return { kind: 'admitted', ticket: { call, bookings, produced: 0 } }
    },
    countRefused(at) {
      for (const [i, { unit }] of limits.entries()) if (unit === 'requests') meters[i]!.book(1, at)
    },
    produce(ticket, tokens, at) {
      ticket.produced += tokens
      for (const [i, { unit, charge }] of limits.entries())
        if (charge === 'actual_as_produced' && (unit === 'tokens' || unit === 'output_tokens'))
          book(i, tokens, at)
    },
    end(ticket, at) {
      active--
      for (const [i, limit] of limits.entries()) settle(limit, i, ticket, at)
    },
    reports: (at) => limits.flatMap((limit, i) => reportOf(limit, meters[i] ?? null, at)),
  }

  function settle(limit: TrueLimit, i: number, { call, produced, bookings }: Ticket, at: number): void {
    if (limit.unit === 'requests' || limit.unit === 'concurrency') return
    if (limit.charge === 'actual_at_end') return void book(i, weightOf(limit.unit, call.input, produced), at)
    const booking = bookings[i]
    if (booking == null || limit.charge === 'reserve_no_refund' || limit.charge === 'actual_as_produced')
      return
    const input = limit.charge === 'input_uncached_only' ? call.input - call.cached : call.input
    meters[i]!.amend(booking, weightOf(limit.unit, input, produced) - booking.amount, at)
    checkOverrun(i, at)
  }
}

/** What a limit books when a call begins. */
function bookedAtStart({ unit, charge }: TrueLimit, call: CallTokens): number {
  if (unit === 'requests') return 1
  const { input, cached } = call
  const output = call.bound ?? call.output
  switch (charge) {
    case 'reserve_no_refund':
    case 'reserve_trueup':
      return weightOf(unit, input, output)
    case 'input_uncached_only':
      return weightOf(unit, input - cached, output)
    case 'actual_as_produced':
      return weightOf(unit, input, 0)
    case 'actual_at_end':
      return 0
  }
}

function weightOf(unit: Unit, input: number, output: number): number {
  if (unit === 'tokens') return input + output
  return unit === 'input_tokens' ? input : unit === 'output_tokens' ? output : 0
}

function reportOf({ unit, perMs, amount }: TrueLimit, meter: Meter | null, at: number): LimitReport[] {
  if (meter === null) return []
  const left = meter.left(at)
  const most = meter.fitsAt(amount, at)
  // A bucket or a slice that is smaller than the limit never holds all of it.
  const reset_ms = Number.isFinite(most) ? most - at : null
  return [{ unit, per_ms: perMs, limit: amount, remaining: Math.max(0, left), reset_ms }]
}
