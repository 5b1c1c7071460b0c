/**
 * The truth about a limit, kept the way the provider keeps it. It shares no code with `src`, so that a mistake there
 * cannot hide here.
 */
export interface LimitSpec {
  readonly unit: 'requests' | 'tokens' | 'input_tokens' | 'concurrency'
  readonly amount: number
  /** Length of the window in ms; not used by `concurrency`. */
  readonly perMs?: number
  /** `anchored` begins with the first request after the last one ended; `counter` weighs two windows. */
  readonly window?: 'sliding' | 'fixed' | 'anchored' | 'bucket' | 'counter'
  /** Where windows of `fixed` and `counter` begin: at every `phaseMs + k * perMs`. */
  readonly phaseMs?: number
}

/**
 * When tokens are charged. `start`: input and the whole output bound, never given back. `start_then_settle`: the same,
 * corrected to the real usage at the end. `end`: nothing until the real usage is known, as post-paid gateways do.
 */
export type Booking = 'start' | 'start_then_settle' | 'end'

export interface LimiterOptions {
  readonly limits: readonly LimitSpec[]
  readonly booking?: Booking
  /** Whether a refused request counts against request limits all the same. */
  readonly countRefused?: boolean
  /** Monotonic ms. */
  readonly now?: () => number
}

export interface Refusal {
  readonly limit: LimitSpec
  readonly used: number
  readonly requested: number
  /** Until the same request would pass, if nothing else came; null for `concurrency` and for what never passes. */
  readonly retryAfterMs: number | null
}

export interface Ticket {
  /** Ends the request with its true usage; zero for one that produced nothing. Only the first call counts. */
  leave(inputTokens: number, outputTokens: number): void
}

export interface LimitStatus {
  readonly limit: LimitSpec
  readonly remaining: number
  /** Until the limit is completely free. */
  readonly resetMs: number
}

export interface Limiter {
  enter(inputTokens: number, outputBound: number): { ticket: Ticket } | { refusal: Refusal }
  status(): LimitStatus[]
  /** How many requests were refused. */
  readonly tripped: number
  readonly refusals: readonly Refusal[]
  readonly active: number
  /** The most that was ever charged at one moment, by limit, in the order of the limits. */
  readonly peaks: readonly number[]
}

interface Meter {
  used(at: number): number
  /** The returned function corrects the charge to what it should have been. */
  add(at: number, amount: number): (at: number, actual: number) => void
  /** Until `room` units are free. */
  untilMs(at: number, room: number): number
}

export function createLimiter(options: LimiterOptions): Limiter {
  const {
    limits,
    booking = 'start_then_settle',
    countRefused = false,
    now = () => performance.now(),
  } = options
  const meters = limits.map(createMeter)
  const peaks = limits.map(() => 0)
  const refusals: Refusal[] = []
  let active = 0

  function charge(index: number, amount: number): (actual: number) => void {
    const meter = meters[index]
    const correct = meter?.add(now(), amount)
    const mark = () => {
      peaks[index] = Math.max(peaks[index] ?? 0, meter?.used(now()) ?? active)
    }
    mark()
    return (actual) => {
      correct?.(now(), actual)
      mark()
    }
  }

  function cost(unit: LimitSpec['unit'], input: number, output: number): number {
    if (unit === 'tokens') return input + output
    return unit === 'input_tokens' ? input : 1
  }

  function requested(unit: LimitSpec['unit'], input: number, bound: number): number {
    const counted = unit === 'tokens' || unit === 'input_tokens'
    // A post-paid limit lets in whatever comes while anything at all is left.
    return counted && booking === 'end' ? 1 : cost(unit, input, bound)
  }

  function refusalOf(input: number, bound: number): Refusal | null {
    const at = now()
    for (const [index, limit] of limits.entries()) {
      const wanted = requested(limit.unit, input, bound)
      const used = limit.unit === 'concurrency' ? active : (meters[index]?.used(at) ?? 0)
      if (used + wanted <= limit.amount + 1e-9) continue
      const hopeless = limit.unit === 'concurrency' || wanted > limit.amount
      const retryAfterMs = hopeless ? null : (meters[index]?.untilMs(at, wanted) ?? null)
      return { limit, used, requested: wanted, retryAfterMs }
    }
    return null
  }

  function enter(input: number, bound: number): { ticket: Ticket } | { refusal: Refusal } {
    const refusal = refusalOf(input, bound)
    if (refusal) {
      refusals.push(refusal)
      if (countRefused)
        for (const index of limits.keys()) if (limits[index]?.unit === 'requests') charge(index, 1)
      return { refusal }
    }
    active++
    const corrections = limits.map(({ unit }, index) =>
      charge(index, unit === 'requests' || booking !== 'end' ? cost(unit, input, bound) : 0),
    )
    return { ticket: ticketFor(corrections) }
  }

  function ticketFor(corrections: readonly ((actual: number) => void)[]): Ticket {
    let left = false
    return {
      leave(input, output) {
        if (left) return
        left = true
        active--
        if (booking === 'start') return
        for (const [index, correct] of corrections.entries())
          correct(cost(limits[index]?.unit ?? 'requests', input, output))
      },
    }
  }

  function status(): LimitStatus[] {
    const at = now()
    return limits.map((limit, index) => {
      const used = limit.unit === 'concurrency' ? active : (meters[index]?.used(at) ?? 0)
      const resetMs = meters[index]?.untilMs(at, limit.amount) ?? 0
      return { limit, remaining: Math.max(0, Math.floor(limit.amount - used)), resetMs }
    })
  }

  return {
    enter,
    status,
    refusals,
    peaks,
    get tripped() {
      return refusals.length
    },
    get active() {
      return active
    },
  }
}

function createMeter(limit: LimitSpec): Meter | null {
  if (limit.unit === 'concurrency') return null
  const { amount, perMs = 60_000, window = 'sliding', phaseMs = 0 } = limit
  if (window === 'fixed') return fixedMeter(perMs, phaseMs)
  if (window === 'anchored') return anchoredMeter(perMs)
  if (window === 'counter') return counterMeter(amount, perMs, phaseMs)
  return window === 'bucket' ? bucketMeter(amount, perMs) : slidingMeter(amount, perMs)
}

/** Every charge counts for exactly `perMs`; a correction downwards counts from when the charge was made. */
function slidingMeter(amount: number, perMs: number): Meter {
  let charges: { at: number; amount: number }[] = []
  const live = (at: number) => {
    charges = charges.filter((charge) => charge.at > at - perMs)
    return charges
  }
  const total = (of: { amount: number }[]) => of.reduce((sum, charge) => sum + charge.amount, 0)
  return {
    used: (at) => total(live(at)),
    add(at, charged) {
      const charge = { at, amount: charged }
      charges.push(charge)
      return (later, actual) => {
        if (actual > charged) charges.push({ at: later, amount: actual - charged })
        else charge.amount = actual
      }
    },
    untilMs(at, room) {
      let used = total(live(at))
      let waitMs = 0
      for (const charge of charges) {
        if (used + room <= amount) break
        used -= charge.amount
        waitMs = charge.at + perMs - at
      }
      return waitMs
    },
  }
}

/** All is forgotten at every boundary, a correction of an earlier window's charge downwards included. */
function fixedMeter(perMs: number, phaseMs: number): Meter {
  const index = (at: number) => Math.floor((at - phaseMs) / perMs)
  let window = 0
  let used = 0
  const roll = (at: number) => {
    if (index(at) !== window) used = 0
    window = index(at)
    return used
  }
  return {
    used: roll,
    add(at, charged) {
      used = roll(at) + charged
      const chargedIn = window
      return (later, actual) => {
        roll(later)
        if (window === chargedIn || actual > charged) used += actual - charged
      }
    },
    untilMs: (at) => (roll(at) === 0 ? 0 : (window + 1) * perMs + phaseMs - at),
  }
}

/** A window begins with the first charge after the end of the last one. */
function anchoredMeter(perMs: number): Meter {
  let begin = Number.NEGATIVE_INFINITY
  let used = 0
  const roll = (at: number) => {
    if (at >= begin + perMs) used = 0
    return used
  }
  return {
    used: roll,
    add(at, charged) {
      roll(at)
      if (at >= begin + perMs) begin = at
      used += charged
      const chargedIn = begin
      return (later, actual) => {
        if (later < chargedIn + perMs && begin === chargedIn) used += actual - charged
      }
    },
    untilMs: (at) => (roll(at) === 0 ? 0 : begin + perMs - at),
  }
}

/** This window's charges, and those of the last one by the share of it that lies within `perMs` from now. */
function counterMeter(amount: number, perMs: number, phaseMs: number): Meter {
  const usedIn = new Map<number, number>()
  const indexOf = (at: number) => Math.floor((at - phaseMs) / perMs)
  const used = (at: number) => {
    const index = indexOf(at)
    const elapsed = (at - phaseMs) / perMs - index
    return (usedIn.get(index) ?? 0) + (usedIn.get(index - 1) ?? 0) * (1 - elapsed)
  }
  const book = (index: number, by: number) => void usedIn.set(index, (usedIn.get(index) ?? 0) + by)
  return {
    used,
    add(at, charged) {
      const index = indexOf(at)
      book(index, charged)
      return (_, actual) => book(index, actual - charged)
    },
    untilMs(at, room) {
      let waitMs = 0
      while (waitMs < 2 * perMs && used(at + waitMs) + room > amount) waitMs++
      return waitMs
    },
  }
}

/** What was charged drains away at `amount` per `perMs`. */
function bucketMeter(amount: number, perMs: number): Meter {
  let used = 0
  let drainedAt = 0
  const drain = (at: number) => {
    used = Math.max(0, used - ((at - drainedAt) * amount) / perMs)
    drainedAt = at
    return used
  }
  return {
    used: drain,
    add(at, charged) {
      used = drain(at) + charged
      return (later, actual) => {
        used = Math.max(0, drain(later) + actual - charged)
      }
    },
    untilMs: (at, room) => (Math.max(0, drain(at) + room - amount) * perMs) / amount,
  }
}
