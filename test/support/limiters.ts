/**
 * Limits as providers count them, written down plainly: all calls are kept and looked through again each time. Nothing
 * here is shared with what it judges. A limiter is asked in the order in which calls arrive, and counts those it lets in.
 */
export type Limiter = (at: number, cost: number) => boolean

interface Counted {
  readonly at: number
  readonly cost: number
}

type Count = (calls: readonly Counted[], at: number) => number

function limiter(amount: number, count: Count): Limiter {
  const calls: Counted[] = []
  return (at, cost) => {
    if (count(calls, at) + cost > amount + 1e-6) return false
    calls.push({ at, cost })
    return true
  }
}

const sum = (calls: readonly Counted[], counts: (at: number) => boolean) =>
  calls.reduce((total, { at, cost }) => total + (counts(at) ? cost : 0), 0)

/** Windows from `phase + k x perMs` on. */
export function fixedWindow(amount: number, perMs: number, phase: number): Limiter {
  const index = (at: number) => Math.floor((at - phase) / perMs)
  return limiter(amount, (calls, at) => sum(calls, (other) => index(other) === index(at)))
}

/** A window begins with the first call after the one before it. */
export function anchoredWindow(amount: number, perMs: number): Limiter {
  let start = Number.NEGATIVE_INFINITY
  return limiter(amount, (calls, at) => {
    if (at >= start + perMs) start = at
    return sum(calls, (other) => other >= start)
  })
}

export function slidingLog(amount: number, perMs: number): Limiter {
  return limiter(amount, (calls, at) => sum(calls, (other) => other > at - perMs))
}

/** The present fixed window and the share of the former one that a sliding window would still see. */
export function weightedCounter(amount: number, perMs: number, phase: number): Limiter {
  const index = (at: number) => Math.floor((at - phase) / perMs)
  return limiter(amount, (calls, at) => {
    const share = 1 - (at - phase - index(at) * perMs) / perMs
    const former = sum(calls, (other) => index(other) === index(at) - 1)
    return sum(calls, (other) => index(other) === index(at)) + former * share
  })
}

/** A bucket of `capacity` that refills at `amount / perMs`. */
export function tokenBucket(amount: number, perMs: number, capacity = amount): Limiter {
  return limiter(capacity, (calls, at) => {
    let level = 0
    let last = calls[0]?.at ?? at
    for (const call of [...calls, { at, cost: 0 }]) {
      level = Math.max(0, level - ((call.at - last) * amount) / perMs) + call.cost
      last = call.at
    }
    return level
  })
}

/** A limit that is really several of a shorter window. */
export function quantised(amount: number, perMs: number, quantumMs: number, phase: number): Limiter {
  return fixedWindow(Math.floor((amount * quantumMs) / perMs), quantumMs, phase)
}

/** Days or months by the provider's clock on the wall. */
export function wallCalendar(amount: number, timeZone: string, unit: 'day' | 'month'): Limiter {
  const dateOf = (at: number) =>
    new Date(at).toLocaleDateString('sv-SE', { timeZone }).slice(0, unit === 'day' ? 10 : 7)
  return limiter(amount, (calls, at) => {
    const date = dateOf(at)
    return sum(calls, (other) => dateOf(other) === date)
  })
}
