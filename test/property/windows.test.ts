import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  admits,
  createLedger,
  type Ledger,
  nextAdmissible,
  reserve,
  roomOf,
  settle,
} from '../../src/core/limits/ledger.ts'
import { capacityOf, type Limit } from '../../src/core/types.ts'
import { MONTH_MS } from '../../src/core/limits/windows/calendar.ts'
import type { Limiter } from '../support/limiters.ts'
import * as providers from '../support/limiters.ts'
import { limit } from '../support/llms.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 150)
const DAY_MS = 86_400_000
const START = 1_700_000_000_000

/** A limit whose entries count from the start of a call. */
function limitOf(amount: number, perMs: number, rest: Partial<Limit> = {}): Limit {
  return limit('requests', amount, perMs, 'the limit', rest)
}

/** One thing that a client wants, after a pause: to send, and to wait for room if there is none. */
interface Wish {
  readonly pauseMs: number
  readonly cost: number
  readonly waits: boolean
  /** Time the call travels, as a share of the guard. */
  readonly late: number
}

const wishes = fc.array(
  fc.record({
    pauseMs: fc.oneof(
      { arbitrary: fc.constant(0), weight: 4 },
      { arbitrary: fc.nat({ max: 400 }), weight: 3 },
      { arbitrary: fc.nat({ max: 4000 }), weight: 1 },
    ),
    cost: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 12 })),
    waits: fc.boolean(),
    late: fc.constantFrom(0, 1, 0.5, 0.37),
  }),
  { minLength: 1, maxLength: 80 },
)

interface Sent {
  readonly at: number
  readonly cost: number
  readonly late: number
}

/** Sends what all of the ledgers admit, at the very instant at which they do. */
function send(ledgers: readonly Ledger[], script: readonly Wish[], pauseUnit = 1): Sent[] {
  const sent: Sent[] = []
  let now = START
  for (const { pauseMs, cost, waits, late } of script) {
    now += pauseMs * pauseUnit
    const amount = Math.min(cost, ...ledgers.map(({ limit }) => capacityOf(limit)))
    for (let blocked = true; waits && blocked; ) {
      const at = Math.max(...ledgers.map((ledger) => nextAdmissible(ledger, amount, now)))
      blocked = at > now
      now = at
    }
    if (!ledgers.every((ledger) => admits(ledger, amount, now))) continue
    for (const ledger of ledgers) reserve(ledger, `call ${sent.length}`, amount, now)
    sent.push({ at: now, cost: amount, late })
  }
  return sent
}

/** The calls that a provider turns away, with `late` scaled to what a call may travel. */
function refusedBy(provider: Limiter, sent: readonly Sent[], travelMs: (late: number) => number): Sent[] {
  const arrivals = sent.map((call) => ({ call, at: call.at + travelMs(call.late) }))
  arrivals.sort((a, b) => a.at - b.at)
  return arrivals.filter(({ at, call }) => !provider(at, call.cost)).map(({ call }) => call)
}

const sizes = fc.record({
  amount: fc.integer({ min: 1, max: 40 }),
  perMs: fc.integer({ min: 50, max: 3000 }),
  guardMs: fc.constantFrom(0, 1, 100, 500),
  phase: fc.nat({ max: 3000 }),
})
type Sizes = { amount: number; perMs: number; guardMs: number; phase: number }

const ALL_BUT_COUNTER: Record<string, (sizes: Sizes) => Limiter> = {
  'a fixed window of unknown phase': ({ amount, perMs, phase }) =>
    providers.fixedWindow(amount, perMs, phase),
  'a window that begins with the first call': ({ amount, perMs }) => providers.anchoredWindow(amount, perMs),
  'a sliding log': ({ amount, perMs }) => providers.slidingLog(amount, perMs),
  'a bucket of the whole limit': ({ amount, perMs }) => providers.tokenBucket(amount, perMs),
}
const ALL = {
  ...ALL_BUT_COUNTER,
  'a weighted count of two windows': ({ amount, perMs, phase }: Sizes) =>
    providers.weightedCounter(amount, perMs, phase),
}

function neverRefused(window: (sizes: Sizes) => Partial<Limit>, provider: (sizes: Sizes) => Limiter): void {
  const check = (sizes: Sizes, script: readonly Wish[]) => {
    const { amount, perMs, guardMs } = sizes
    const sent = send([createLedger(limitOf(amount, perMs, { guardMs, ...window(sizes) }))], script)
    expect(refusedBy(provider(sizes), sent, (late) => late * guardMs)).toEqual([])
  }
  fc.assert(fc.property(sizes, wishes, check), { numRuns })
}

describe('what is admitted is never refused by a provider that counts for itself', () => {
  test.each(Object.entries(ALL_BUT_COUNTER))('sliding: %s', (_, provider) => {
    neverRefused(() => ({ window: 'sliding' }), provider)
  })

  test.each(Object.entries(ALL_BUT_COUNTER))('fixed, phase unknown: %s', (_, provider) => {
    neverRefused(() => ({ window: 'fixed' }), provider)
  })

  test.each(Object.entries(ALL))('universal: %s', (_, provider) => {
    neverRefused(() => ({ window: 'universal' }), provider)
  })

  test('universal, at a coarse grain: a weighted count of two windows', () => {
    const coarse = fc.record({ amount: fc.integer({ min: 241, max: 900 }), perMs: fc.constant(3000) })
    const check = ({ amount, perMs }: { amount: number; perMs: number }, script: Wish[], phase: number) => {
      const large = script.map((wish) => ({ ...wish, cost: wish.cost * 20 }))
      const sent = send([createLedger(limitOf(amount, perMs, { window: 'universal' }))], large)
      const provider = providers.weightedCounter(amount, perMs, phase)
      expect(refusedBy(provider, sent, (late) => late * 500)).toEqual([])
    }
    fc.assert(fc.property(coarse, wishes, fc.nat({ max: 3000 }), check), { numRuns })
  })

  test('fixed, phase known: windows of that phase, on a clock that is off by the guard', () => {
    const check = ({ amount, perMs, guardMs, phase }: Sizes, script: Wish[], skew: number) => {
      const declared = { window: 'fixed', phaseMs: phase, guardMs } as const
      const sent = send([createLedger(limitOf(amount, perMs, declared))], script)
      const provider = providers.fixedWindow(amount, perMs, phase)
      expect(refusedBy(provider, sent, (late) => (late + (1 - late) * skew) * guardMs)).toEqual([])
    }
    fc.assert(fc.property(sizes, wishes, fc.constantFrom(-1, -0.4, 0), check), { numRuns })
  })

  test('bucket: one of the whole limit, or a smaller one', () => {
    const check = ({ amount, perMs, guardMs }: Sizes, script: Wish[], share: number) => {
      const burst = Math.max(1, Math.floor(amount * share))
      const sent = send([createLedger(limitOf(amount, perMs, { window: 'bucket', burst, guardMs }))], script)
      const provider = providers.tokenBucket(amount, perMs, burst)
      expect(refusedBy(provider, sent, (late) => late * guardMs)).toEqual([])
    }
    fc.assert(fc.property(sizes, wishes, fc.constantFrom(1, 0.5, 0.1), check), { numRuns })
  })

  test('sliding, with a second one of the quantum: a limit that is kept in parts', () => {
    const check = ({ amount, guardMs, phase }: Sizes, script: Wish[], parts: number) => {
      const [whole, perMs] = [amount * parts, 500 * parts]
      const ledgers = [limitOf(whole, perMs, { guardMs }), limitOf(amount, 500, { guardMs })].map((one) =>
        createLedger(one),
      )
      const sent = send(ledgers, script)
      const provider = providers.quantised(whole, perMs, 500, phase)
      expect(refusedBy(provider, sent, (late) => late * guardMs)).toEqual([])
    }
    fc.assert(fc.property(sizes, wishes, fc.integer({ min: 1, max: 6 }), check), { numRuns })
  })

  const zones = fc.constantFrom('America/Los_Angeles', 'Europe/Berlin', 'Australia/Lord_Howe', 'UTC')
  test.each(['day', 'month'] as const)('calendar: each %s in its zone, clock changes included', (unit) => {
    const check = (amount: number, script: Wish[], timeZone: string, skew: number) => {
      const perMs = unit === 'day' ? DAY_MS : MONTH_MS
      const ledger = createLedger(limitOf(amount, perMs, { window: 'calendar', timeZone }))
      // A pause of a thousand is some days or months.
      const sent = send([ledger], script, unit === 'day' ? 200_000 : 4_000_000)
      const provider = providers.wallCalendar(amount, timeZone, unit)
      expect(refusedBy(provider, sent, (late) => (late + (1 - late) * skew) * 500)).toEqual([])
    }
    const amounts = fc.integer({ min: 1, max: 20 })
    const skews = fc.constantFrom(-1, 0)
    fc.assert(fc.property(amounts, wishes, zones, skews, check), { numRuns: Math.ceil(numRuns / 3) })
  })
})

describe('the providers of these tests do refuse', () => {
  const burst = (n: number, at: number) => Array.from({ length: n }, () => ({ at, cost: 1, late: 0 }))
  const twice = (ms: number) => [...burst(10, START), ...burst(10, START + ms)]
  const refused = (provider: Limiter, ms: number) => refusedBy(provider, twice(ms), () => 0).length

  test('whoever sends the whole limit again too early', () => {
    expect(refused(providers.slidingLog(10, 1000), 999)).toBe(10)
    expect(refused(providers.slidingLog(10, 1000), 1000)).toBe(0)
    expect(refused(providers.anchoredWindow(10, 1000), 999)).toBe(10)
    expect(refused(providers.fixedWindow(10, 1000, 0), 999)).toBe(10)
    expect(refused(providers.fixedWindow(10, 1000, 500), 500)).toBe(0)
    expect(refused(providers.tokenBucket(10, 1000), 500)).toBe(5)
    expect(refused(providers.tokenBucket(10, 1000, 5), 1000)).toBe(10)
    expect(refused(providers.weightedCounter(10, 1000, 0), 1500)).toBe(5)
    expect(refused(providers.quantised(60, 60_000, 1000, 0), 1000)).toBe(18)
    expect(refused(providers.wallCalendar(10, 'UTC', 'day'), 1000)).toBe(10)
  })

  test('a client that counts by a log, where two windows are weighted', () => {
    const ledger = createLedger(limitOf(10, 1000, { guardMs: 0 }))
    const all = twice(1500).filter(({ at }, i) => {
      if (!admits(ledger, 1, at)) return false
      reserve(ledger, String(i), 1, at)
      return true
    })
    expect(refusedBy(providers.weightedCounter(10, 1000, 0), all, () => 0)).toHaveLength(5)
  })
})

/** Each window kind, at sizes at which a test can look at every ms. */
const kinds = fc
  .record({
    amount: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 241, max: 300 })),
    perMs: fc.integer({ min: 50, max: 3000 }),
    guardMs: fc.constantFrom(0, 1, 100, 500),
    rest: fc.constantFrom<Partial<Limit>>(
      { window: 'sliding' },
      { window: 'fixed' },
      { window: 'fixed', phaseMs: 17 },
      { window: 'bucket' },
      { window: 'bucket', burst: 5 },
      { window: 'universal' },
      { window: 'calendar', timeZone: 'America/Los_Angeles', perMs: DAY_MS },
    ),
  })
  .map(({ amount, perMs, guardMs, rest }) => {
    const burst = rest.burst ? Math.min(rest.burst, amount) : null
    return limitOf(amount, perMs, { guardMs, ...rest, burst })
  })

function played(limit: Limit, script: readonly Wish[]): { ledger: Ledger; now: number } {
  const ledger = createLedger(limit)
  const sent = send([ledger], script)
  return { ledger, now: sent.at(-1)?.at ?? START }
}

test('room is promised for the exact millisecond: not one earlier, and no later', () => {
  const check = (limit: Limit, script: Wish[], cost: number, waitMs: number) => {
    const { ledger, now: last } = played(limit, script)
    const now = last + waitMs
    const promised = nextAdmissible(ledger, cost, now)
    expect(Number.isFinite(promised)).toBe(cost <= capacityOf(limit))
    if (!Number.isFinite(promised)) return
    if (promised > now) expect(admits(structuredClone(ledger), cost, promised - 1)).toBe(false)
    expect(admits(structuredClone(ledger), cost, promised)).toBe(true)
  }
  const costs = fc.integer({ min: 1, max: 50 })
  fc.assert(fc.property(kinds, wishes, costs, fc.nat({ max: 3000 }), check), { numRuns: numRuns * 4 })
})

describe('while nothing is sent', () => {
  test('room never shrinks', () => {
    const check = (limit: Limit, script: Wish[], waits: number[]) => {
      const { ledger, now } = played(limit, script)
      let at = now
      let before = roomOf(ledger, at)
      for (const ms of waits) {
        at += ms
        const room = roomOf(ledger, at)
        expect(room).toBeGreaterThanOrEqual(before)
        before = room
      }
    }
    const waits = fc.array(fc.nat({ max: 700 }), { maxLength: 30 })
    fc.assert(fc.property(kinds, wishes, waits, check), { numRuns })
  })

  test('all of it is back after the window', () => {
    const check = (limit: Limit, script: Wish[]) => {
      const { ledger, now } = played(limit, script)
      const { perMs, guardMs, burst, amount, window } = limit
      const grain = window === 'universal' && amount > 120 ? Math.ceil(perMs / 120) : 1
      const hours = window === 'calendar' ? 3_600_000 : 0
      const rest = {
        sliding: 0,
        fixed: guardMs,
        bucket: guardMs,
        calendar: guardMs + hours,
        universal: perMs,
      }
      expect(roomOf(ledger, now + perMs + guardMs + rest[window] + grain + guardMs / 50)).toBe(
        burst ?? amount,
      )
      expect(ledger.entries.untils).toEqual([])
    }
    fc.assert(fc.property(kinds, wishes, check), { numRuns })
  })
})

describe('however much is sent, a ledger keeps no more entries than', () => {
  const bounds: [number, string, Partial<Limit>][] = [
    [60_600, 'sliding', {}],
    [60_600, 'sliding, a month', { perMs: MONTH_MS }],
    [2, 'fixed', { window: 'fixed', phaseMs: 0 }],
    [3, 'calendar', { window: 'calendar', timeZone: 'America/Los_Angeles', perMs: DAY_MS }],
    [65, 'bucket', { window: 'bucket' }],
    [500, 'universal', { window: 'universal' }],
    [500, 'universal, a month', { window: 'universal', perMs: MONTH_MS }],
    [500, 'universal, a small limit', { window: 'universal', amount: 120 }],
  ]
  test.each(bounds)('%d: %s', (bound, _, rest) => {
    const one = limitOf(1_000_000_000, 60_000, { charge: 'reserve_trueup', ...rest, unit: 'tokens' })
    const ledger = createLedger(one)
    const gap = Math.max(1, Math.floor(one.perMs / 60_000))
    let most = 0
    for (let i = 0; i < 150_000; i++) {
      const now = START + i * gap
      if (!admits(ledger, 1, now)) continue
      reserve(ledger, 'call', 1, now)
      // Some calls were turned away and leave nothing behind.
      settle(ledger, 'call', i % 3 === 0 ? 0 : 1, now)
      most = Math.max(most, ledger.entries.untils.length - ledger.entries.head)
    }
    expect(most).toBeLessThanOrEqual(bound)
  })
})

describe('a client that always has more to send', () => {
  const [amount, perMs, guardMs] = [120, 60_000, 500]
  const pairs: [string, Partial<Limit>, number][] = [
    ['sliding', { window: 'sliding' }, amount / (perMs + guardMs)],
    ['fixed, phase unknown', { window: 'fixed' }, amount / (perMs + guardMs)],
    ['fixed, phase known', { window: 'fixed', phaseMs: 4321 }, amount / perMs],
    ['bucket', { window: 'bucket' }, amount / perMs],
    ['a small bucket', { window: 'bucket', burst: 5 }, amount / perMs],
    ['universal', { window: 'universal' }, (amount - 1) / (perMs + guardMs)],
    ['universal, coarse', { window: 'universal', amount: 600 }, 599 / (perMs + guardMs)],
    ['calendar', { window: 'calendar', perMs: DAY_MS, timeZone: 'UTC' }, amount / DAY_MS],
  ]

  test.each(pairs)('gets what the window can give, within 1 %%: %s', (_, rest, perMsInTheory) => {
    const one = limitOf(amount, perMs, rest)
    const ledger = createLedger(one)
    const windows = 60
    let now = START
    let sent = 0
    // What fits at once after the rest before is no part of what can be sustained.
    const from = START + 3 * one.perMs
    for (const end = from + windows * one.perMs; now < end; now = nextAdmissible(ledger, 1, now)) {
      reserve(ledger, String(sent), 1, now)
      ledger.held.clear()
      if (now >= from) sent++
    }
    const ratio = sent / (windows * one.perMs) / perMsInTheory
    expect(ratio).toBeGreaterThan(0.99)
    expect(ratio).toBeLessThan(1.01)
  })
})
