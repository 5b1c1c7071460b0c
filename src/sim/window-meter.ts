import type { Meter } from './meter.ts'

/**
 * Counts from one boundary to the next. `endAt` gives the end of the window that holds an instant; `bookedAt` is the
 * instant of a booking that asks for a window, or null when nobody has asked for one yet. Null means that none is open.
 */
export function windowMeter(
  amount: number,
  endAt: (at: number, bookedAt: number | null) => number | null,
): Meter {
  let end: number | null = null
  let used = 0
  /** When the window that runs began to be counted. */
  let from = Number.NEGATIVE_INFINITY

  const roll = (at: number, bookedAt: number | null) => {
    if (end !== null && at >= end) {
      used = 0
      end = null
    }
    if (end !== null) return
    end = endAt(at, bookedAt)
    from = at
  }
  const left = (at: number) => {
    roll(at, null)
    return amount - used
  }
  return {
    left,
    fits: (more, at) => more <= left(at),
    book(more, at) {
      roll(at, at)
      used += more
      return { amount: more, at }
    },
    amend(booking, by, at) {
      roll(at, null)
      if (booking.at < from) return
      booking.amount += by
      used += by
    },
    fitsAt(more, at) {
      if (more > amount) return Number.POSITIVE_INFINITY
      return more <= left(at) || end === null ? at : end
    },
  }
}

/**
 * The weighted counter of two windows: this window's use, and the last one's by the share of it that a sliding
 * window would still see. `used + last x (1 - elapsed / period) <= amount`, in whole numbers.
 */
export function counterMeter(amount: number, perMs: number, phaseMs: number): Meter {
  let index = Number.NEGATIVE_INFINITY
  let used = 0
  let last = 0

  const roll = (at: number) => {
    const now = Math.floor((at - phaseMs) / perMs)
    if (now > index) {
      last = now === index + 1 ? used : 0
      used = 0
      index = now
    }
    return at - phaseMs - now * perMs
  }
  /** Room in units of one `perMs`th. */
  const room = (at: number) => {
    const elapsedMs = roll(at)
    return amount * perMs - used * perMs - last * (perMs - elapsedMs)
  }
  return {
    left: (at) => Math.floor(room(at) / perMs),
    fits: (more, at) => more * perMs <= room(at),
    book(more, at) {
      roll(at)
      used += more
      return { amount: more, at }
    },
    amend(booking, by, at) {
      roll(at)
      const booked = Math.floor((booking.at - phaseMs) / perMs)
      booking.amount += by
      if (booked === index) used += by
      else if (booked === index - 1) last += by
    },
    fitsAt(more, at) {
      if (more > amount) return Number.POSITIVE_INFINITY
      const elapsedMs = roll(at)
      const free = (amount - more) * perMs
      const wait = (over: number, decay: number) => Math.ceil(over / decay)
      if (used * perMs + last * (perMs - elapsedMs) <= free) return at
      const withinMs = last === 0 ? perMs : wait(used * perMs + last * (perMs - elapsedMs) - free, last)
      if (withinMs < perMs - elapsedMs) return at + withinMs
      const nextAt = at + perMs - elapsedMs
      return used * perMs <= free ? nextAt : nextAt + wait(used * perMs - free, used)
    },
  }
}
