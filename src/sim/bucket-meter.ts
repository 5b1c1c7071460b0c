import type { Meter } from './meter.ts'

/** What was booked drains at `amount` per `perMs`; kept in units of one `perMs`th, so that no fraction is lost. */
export function bucketMeter(amount: number, perMs: number, capacity: number): Meter {
  let level = 0
  let drainedAt = 0

  const drain = (at: number) => {
    level = Math.max(0, level - (at - drainedAt) * amount)
    drainedAt = at
    return level
  }
  const full = capacity * perMs
  return {
    left: (at) => Math.floor((full - drain(at)) / perMs),
    fits: (more, at) => drain(at) + more * perMs <= full,
    book(more, at) {
      level = drain(at) + more * perMs
      return { amount: more, at }
    },
    amend(booking, by, at) {
      booking.amount += by
      level = Math.max(0, drain(at) + by * perMs)
    },
    fitsAt(more, at) {
      if (more > capacity) return Number.POSITIVE_INFINITY
      return at + Math.max(0, Math.ceil((drain(at) + more * perMs - full) / amount))
    },
  }
}
