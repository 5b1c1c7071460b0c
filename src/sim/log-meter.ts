import type { Booking, Meter } from './meter.ts'

/** Forgotten bookings are dropped from the front of the list when this many have gathered there. */
const COMPACT_AT = 1024

/** Every booking counts for exactly `perMs`. Amortised O(1), but for `fitsAt`, which is O(bookings). */
export function logMeter(amount: number, perMs: number): Meter {
  const bookings: Booking[] = []
  let head = 0
  let used = 0

  const left = (at: number) => {
    while (head < bookings.length && bookings[head]!.at <= at - perMs) used -= bookings[head++]!.amount
    if (head > COMPACT_AT && head * 2 > bookings.length) {
      bookings.splice(0, head)
      head = 0
    }
    return amount - used
  }
  return {
    left,
    fits: (more, at) => more <= left(at),
    book(more, at) {
      const booking = { amount: more, at }
      bookings.push(booking)
      used += more
      return booking
    },
    amend(booking, by, at) {
      left(at)
      if (booking.at <= at - perMs) return
      booking.amount += by
      used += by
    },
    fitsAt(more, at) {
      if (more > amount) return Number.POSITIVE_INFINITY
      let room = left(at)
      let fitsAt = at
      for (let i = head; i < bookings.length && room < more; i++) {
        room += bookings[i]!.amount
        fitsAt = bookings[i]!.at + perMs
      }
      return fitsAt
    },
  }
}
