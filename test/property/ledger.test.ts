import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createLedger,
  type Ledger,
  linger,
  nextAdmissible,
  reserve,
  settle,
  used,
} from '../../src/core/limits/ledger.ts'
import { GUARD_MS, type Limit, type Unit } from '../../src/core/types.ts'
import { limit } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'

const RUNS = Number(process.env.LLB_TEST_RUNS ?? 300)

/** The window written down as plainly as possible: every call that ever was, looked through each time. */
interface ModelCall {
  readonly reserved: number
  readonly start: number
  end: number | null
  actual: number
}

function countsAt({ unit, perMs }: Limit, call: ModelCall, now: number): number {
  if (unit === 'concurrency') return call.end === null ? call.reserved : 0
  const lives = (bookedAt: number) => now < bookedAt + perMs + GUARD_MS
  const { start, end, reserved, actual } = call
  if (end === null) return unit !== 'requests' || lives(start) ? reserved : 0
  if (unit !== 'requests') return lives(end) ? actual : 0
  // What it cost beyond the reservation may have been booked as late as at the end.
  const beyond = Math.max(0, actual - reserved)
  return (lives(start) ? actual - beyond : 0) + (lives(end) ? beyond : 0)
}

const usedOf = (limit: Limit, calls: Iterable<ModelCall>, now: number) =>
  [...calls].reduce((sum, call) => sum + countsAt(limit, call, now), 0)

type Step =
  | { kind: 'wait'; ms: number }
  | { kind: 'reserve'; amount: number }
  | { kind: 'settle'; which: number; share: number }

/** `most` is the largest share of a reservation that a call may really cost. */
function steps(most: number): fc.Arbitrary<Step[]> {
  const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 900 }) })
  const take = fc.record({ kind: fc.constant('reserve' as const), amount: fc.integer({ min: 1, max: 12 }) })
  const end = fc.record({
    kind: fc.constant('settle' as const),
    which: fc.nat({ max: 50 }),
    share: fc.constantFrom(0, 0.3, 1, most),
  })
  return fc.array(fc.oneof(wait, take, end), { minLength: 1, maxLength: 120 })
}

const limits = fc
  .record({
    unit: fc.constantFrom<Unit>('requests', 'tokens', 'input_tokens', 'output_tokens', 'concurrency'),
    amount: fc.integer({ min: 1, max: 40 }),
    perMs: fc.integer({ min: 1, max: 3000 }),
  })
  .map(({ unit, amount, perMs }) => limit(unit, amount, perMs))

interface Run {
  readonly ledger: Ledger
  readonly calls: Map<string, ModelCall>
  now: number
}

/** Plays the steps on the ledger and the model; only what fits is reserved when `careful`. */
function play(limit: Limit, script: readonly Step[], careful: boolean, look: (run: Run) => void): Run {
  const run: Run = { ledger: createLedger(limit), calls: new Map(), now: START }
  for (const step of script) {
    if (step.kind === 'wait') run.now += step.ms
    else if (step.kind === 'settle') {
      const open = [...run.calls].filter(([, call]) => call.end === null)
      const [key, call] = open[step.which % Math.max(1, open.length)] ?? []
      if (key === undefined || call === undefined) continue
      call.end = run.now
      call.actual = Math.floor(call.reserved * step.share)
      settle(run.ledger, key, call.actual, run.now)
    } else if (!careful || nextAdmissible(run.ledger, step.amount, run.now) === run.now) {
      const key = `call ${run.calls.size}`
      run.calls.set(key, { reserved: step.amount, start: run.now, end: null, actual: 0 })
      reserve(run.ledger, key, step.amount, run.now)
    }
    look(run)
  }
  return run
}

test('the ledger counts what a list of all calls adds up to, whatever they cost in the end', () => {
  const check = (limit: Limit, script: Step[]) => {
    play(limit, script, false, ({ ledger, calls, now }) =>
      expect(used(ledger, now)).toBe(usedOf(limit, calls.values(), now)),
    )
  }
  fc.assert(fc.property(limits, steps(1.7), check), { numRuns: RUNS })
})

/** The most that any half-open interval of `perMs` holds; it is reached by one that begins at a booking. */
function fullestWindow(bookings: readonly { at: number; amount: number }[], perMs: number): number {
  const within = (from: number) =>
    bookings.filter(({ at }) => at >= from && at < from + perMs).reduce((sum, { amount }) => sum + amount, 0)
  return Math.max(0, ...bookings.map(({ at }) => within(at)))
}

test('no window of the provider, of any phase, ever holds more than the limit', () => {
  const delays = fc.array(fc.nat({ max: GUARD_MS - 1 }), { minLength: 1, maxLength: 20 })
  const check = (limit: Limit, script: Step[], late: number[], atEnd: boolean) => {
    const { calls, now } = play(limit, script, true, () => {})
    const bookings = [...calls.values()].map((call, i) => {
      const amount = call.end === null ? call.reserved : call.actual
      const bookedAtEnd = atEnd && limit.unit !== 'requests'
      return { at: (bookedAtEnd ? (call.end ?? now) : call.start) + late[i % late.length]!, amount }
    })
    if (limit.unit === 'concurrency') return
    expect(fullestWindow(bookings, limit.perMs)).toBeLessThanOrEqual(limit.amount)
  }
  fc.assert(fc.property(limits, steps(1), delays, fc.boolean(), check), { numRuns: RUNS })
})

test('room is promised for the exact millisecond: not one earlier, and no later', () => {
  const check = (limit: Limit, script: Step[], cost: number) => {
    const { ledger, calls, now } = play(limit, script, false, () => {})
    const fitsAt = (at: number) => usedOf(limit, calls.values(), at) + cost <= limit.amount
    const promised = nextAdmissible(ledger, cost, now)
    if (promised === Number.POSITIVE_INFINITY) {
      expect(fitsAt(now + limit.perMs + GUARD_MS)).toBe(false)
      return
    }
    expect(fitsAt(promised)).toBe(true)
    if (promised > now) expect(fitsAt(promised - 1)).toBe(false)
  }
  const cost = fc.integer({ min: 1, max: 45 })
  fc.assert(fc.property(limits, steps(1.7), cost, check), { numRuns: RUNS })
})

test('in a window longer than a minute, room is never promised early, and at most one grain late', () => {
  const long = fc.integer({ min: 60_000, max: 40 * 86_400_000 })
  const check = (perMs: number, offset: number) => {
    const exact = START + offset + perMs + GUARD_MS
    const ledger = createLedger(limit('requests', 1, perMs))
    reserve(ledger, 'call', 1, START + offset)
    const promised = nextAdmissible(ledger, 1, START + offset)
    expect(promised).toBeGreaterThanOrEqual(exact)
    expect(promised - exact).toBeLessThanOrEqual(Math.ceil(perMs / 60_000))
  }
  fc.assert(fc.property(long, fc.nat({ max: 10_000_000 }), check), { numRuns: RUNS })
})

test('a place that was cut off comes back after the guard: not one ms earlier, and no later', () => {
  const check = (places: number, guardMs: number, calls: readonly { waitMs: number; isCut: boolean }[]) => {
    const ledger = createLedger(limit('concurrency', places, 0, 'calls', { guardMs }))
    let now = START
    const leftAt: number[] = []
    const takenAt = (at: number) => leftAt.filter((left) => left > at).length
    for (const [i, { waitMs, isCut }] of calls.entries()) {
      const asked = now + waitMs
      now = nextAdmissible(ledger, 1, asked)
      expect(takenAt(now)).toBeLessThan(places)
      if (now > asked) expect(takenAt(now - 1)).toBeGreaterThanOrEqual(places)
      reserve(ledger, String(i), 1, now)
      if (isCut) linger(ledger, String(i), now)
      settle(ledger, String(i), 1, now)
      if (isCut) leftAt.push(now + guardMs)
      expect(used(ledger, now)).toBe(takenAt(now))
    }
  }
  const call = fc.record({ waitMs: fc.nat({ max: 300 }), isCut: fc.boolean() })
  const calls = fc.array(call, { minLength: 1, maxLength: 40 })
  const guards = fc.constantFrom(0, 1, 100, 500)
  fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), guards, calls, check), { numRuns: RUNS })
})

test('a call that cost nothing leaves the ledger as it was', () => {
  const check = (limit: Limit, script: Step[], amount: number, later: number[]) => {
    const { ledger, now } = play(limit, script, false, () => {})
    const instants = later.map((ms) => now + ms).toSorted((a, b) => a - b)
    const before = structuredClone(ledger)
    reserve(ledger, 'tried', amount, now)
    settle(ledger, 'tried', 0, now)
    for (const at of [now, ...instants]) {
      expect(nextAdmissible(ledger, 5, at)).toBe(nextAdmissible(before, 5, at))
      expect(used(ledger, at)).toBe(used(before, at))
    }
  }
  const waits = fc.array(fc.nat({ max: 4000 }), { maxLength: 5 })
  fc.assert(fc.property(limits, steps(1.7), fc.integer({ min: 1, max: 12 }), waits, check), { numRuns: RUNS })
})

test.each([1_000, 60_000, 90_000, 119_999, 3_600_000, 86_400_000, 30 * 86_400_000])(
  'a window of %d ms never keeps more than some 60,000 entries',
  (perMs) => {
    const ledger = createLedger(limit('tokens', 1_000_000_000, perMs))
    const gap = Math.max(1, Math.floor(perMs / 200_000))
    let now = START
    let most = 0
    for (let i = 0; i < 300_000; i++) {
      now += gap
      reserve(ledger, 'call', 1, now)
      settle(ledger, 'call', 1, now)
      if (i % 100 !== 0) continue
      used(ledger, now)
      most = Math.max(most, ledger.entries.untils.length - ledger.entries.head)
    }
    expect(most).toBeLessThanOrEqual(60_000 + 1_000)
    expect(ledger.entries.untils.length).toBeLessThanOrEqual(2 * 61_000 + 1_024)
  },
)
