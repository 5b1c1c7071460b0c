import { bucketMeter } from './bucket-meter.ts'
import { type CalendarPeriod, endOfPeriod } from './calendar.ts'
import { logMeter } from './log-meter.ts'
import { counterMeter, windowMeter } from './window-meter.ts'

/**
 * The truth about one limit, kept the way its provider keeps it: what was booked, and what still counts. It shares
 * no code with the ledgers of the balancer, so that a mistake there cannot hide here. Instants are ms since 1970
 * and never go back from one call to the next; amounts are integers.
 */
export interface Meter {
  /** Whether `amount` more may be booked. */
  fits(amount: number, at: number): boolean
  book(amount: number, at: number): Booking
  /** Adds `by` to what was booked, or takes it off; a provider that has forgotten the booking changes nothing. */
  amend(booking: Booking, by: number, at: number): void
  /** What is left, below 0 where more was booked than the limit allows. */
  left(at: number): number
  /** The first instant at which `amount` fits if nothing else is booked; Infinity when it never does. */
  fitsAt(amount: number, at: number): number
}

/** One amount that was booked, as its meter remembers it. */
export interface Booking {
  amount: number
  /** Instant of the booking. */
  readonly at: number
}

/** How a provider counts. */
export type Counting =
  /** Windows one after the other, one of them beginning at `phaseMs`. */
  | { readonly kind: 'fixed'; readonly phaseMs: number }
  /** A window begins with the first use after the last one ended. */
  | { readonly kind: 'anchored' }
  /** Whatever was booked within the last period counts. */
  | { readonly kind: 'sliding' }
  /** The window that runs, and what the one before it weighs: less and less as the new one grows. */
  | { readonly kind: 'counter'; readonly phaseMs: number }
  /** What was booked drains at `amount` per period; at most `capacity` may stand in it. */
  | { readonly kind: 'bucket'; readonly capacity: number }
  /** The limit is broken down to windows of `sliceMs`, each with its share. */
  | { readonly kind: 'quantised'; readonly sliceMs: number; readonly phaseMs: number }
  /** Days or months of a zone. */
  | { readonly kind: 'calendar'; readonly zone: string; readonly period: CalendarPeriod }

export type CountingKind = Counting['kind']

/** A meter for at most `amount` in every `perMs`. */
export function createMeter(amount: number, perMs: number, counting: Counting): Meter {
  switch (counting.kind) {
    case 'fixed':
      return windowMeter(amount, (at) => endOfWindow(at, perMs, counting.phaseMs))
    case 'anchored':
      return windowMeter(amount, (_, bookedAt) => (bookedAt === null ? null : bookedAt + perMs))
    case 'sliding':
      return logMeter(amount, perMs)
    case 'counter':
      return counterMeter(amount, perMs, counting.phaseMs)
    case 'bucket':
      return bucketMeter(amount, perMs, counting.capacity)
    case 'quantised': {
      const { sliceMs, phaseMs } = counting
      return windowMeter(shareOf(amount, perMs, sliceMs), (at) => endOfWindow(at, sliceMs, phaseMs))
    }
    case 'calendar':
      return windowMeter(amount, (at) => endOfPeriod(at, counting.zone, counting.period))
  }
}

/** The most that can be booked at once after a long rest. */
export function burstOf(amount: number, perMs: number, counting: Counting): number {
  if (counting.kind === 'bucket') return counting.capacity
  return counting.kind === 'quantised' ? shareOf(amount, perMs, counting.sliceMs) : amount
}

function shareOf(amount: number, perMs: number, sliceMs: number): number {
  return Math.max(1, Math.floor((amount * sliceMs) / perMs))
}

function endOfWindow(at: number, perMs: number, phaseMs: number): number {
  return (Math.floor((at - phaseMs) / perMs) + 1) * perMs + phaseMs
}
