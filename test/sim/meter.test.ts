import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { endOfPeriod } from '../../src/sim/calendar.ts'
import { type Booking, burstOf, type Counting, createMeter } from '../../src/sim/meter.ts'

const LIMIT = 10
const PER_MS = 100

type Step = { wait: number; book: number } | { wait: number; amend: number; by: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ wait: fc.nat({ max: 60 }), book: fc.nat({ max: 6 }) }) },
    fc.record({
      wait: fc.nat({ max: 60 }),
      amend: fc.nat({ max: 10 }),
      by: fc.integer({ min: -3, max: 3 }),
    }),
  ),
  { maxLength: 40 },
)

/** What counts at `at`, from all that was ever booked, in units of one `PER_MS`th. */
type Truth = (bookings: readonly Booking[], at: number) => number

const inWindow = (phase: number, length: number, at: number) => Math.floor((at - phase) / length)
const sum = (bookings: readonly Booking[]) => bookings.reduce((total, { amount }) => total + amount, 0)

const TRUTHS: readonly (readonly [Counting, Truth])[] = [
  [
    { kind: 'fixed', phaseMs: 30 },
    (all, at) => sum(all.filter((one) => inWindow(30, PER_MS, one.at) === inWindow(30, PER_MS, at))) * PER_MS,
  ],
  [{ kind: 'sliding' }, (all, at) => sum(all.filter((one) => one.at > at - PER_MS)) * PER_MS],
  [
    { kind: 'anchored' },
    (all, at) => {
      let from = Number.NEGATIVE_INFINITY
      for (const one of all) if (one.at >= from + PER_MS) from = one.at
      return at >= from + PER_MS ? 0 : sum(all.filter((one) => one.at >= from)) * PER_MS
    },
  ],
  [
    { kind: 'counter', phaseMs: 70 },
    (all, at) => {
      const now = inWindow(70, PER_MS, at)
      const of = (index: number) => sum(all.filter((one) => inWindow(70, PER_MS, one.at) === index))
      return of(now) * PER_MS + of(now - 1) * (PER_MS - (at - 70 - now * PER_MS))
    },
  ],
  [
    { kind: 'quantised', sliceMs: 20, phaseMs: 5 },
    (all, at) =>
      (LIMIT - 2 + sum(all.filter((one) => inWindow(5, 20, one.at) === inWindow(5, 20, at)))) * PER_MS,
  ],
]

/** Plays the steps on a meter and returns it with the instant reached. */
function play(counting: Counting, script: readonly Step[]) {
  const meter = createMeter(LIMIT, PER_MS, counting)
  const all: Booking[] = []
  let at = 1_000
  for (const step of script) {
    at += step.wait
    if ('book' in step) all.push(meter.book(step.book, at))
    else {
      const booking = all.at(-1 - (step.amend % Math.max(1, all.length)))
      if (booking !== undefined && booking.amount + step.by >= 0) meter.amend(booking, step.by, at)
    }
  }
  return { meter, at }
}

describe.each(TRUTHS)('%j', (counting, truth) => {
  test('counts what its definition says, whatever was booked and corrected', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const meter = createMeter(LIMIT, PER_MS, counting)
        const all: Booking[] = []
        let at = 1_000
        for (const step of script) {
          at += step.wait
          if ('book' in step) all.push({ ...meter.book(step.book, at) })
          expect(meter.left(at)).toBe(Math.floor(LIMIT - truth(all, at) / PER_MS))
        }
      }),
    )
  })

  test('takes corrections of what still counts', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const { meter, at: now } = play(counting, script)
        const before = meter.left(now)
        const booking = meter.book(5, now)
        meter.amend(booking, -2, now)
        expect(meter.left(now)).toBe(before - 3)
        meter.amend(booking, 1, now)
        expect(meter.left(now)).toBe(before - 4)
      }),
    )
  })

  test('tells the first instant at which an amount fits', () => {
    const most = burstOf(LIMIT, PER_MS, counting)
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: most }), (script, amount) => {
        const { meter, at } = play(counting, script)
        const fitsAt = meter.fitsAt(amount, at)
        if (fitsAt > at) {
          expect(meter.fits(amount, at)).toBe(false)
          expect(meter.fits(amount, fitsAt - 1)).toBe(false)
        }
        expect(meter.fits(amount, fitsAt)).toBe(true)
        expect(meter.fitsAt(most + 1, fitsAt)).toBe(Number.POSITIVE_INFINITY)
      }),
    )
  })
})

describe('a bucket', () => {
  test('drains by its rate, in whole units', () => {
    const meter = createMeter(LIMIT, PER_MS, { kind: 'bucket', capacity: 4 })
    const booking = meter.book(4, 0)
    expect([meter.left(0), meter.left(9), meter.left(10), meter.left(25), meter.left(40)]).toEqual([
      0, 0, 1, 2, 4,
    ])
    meter.book(3, 100)
    meter.amend(booking, -1, 100)
    expect([meter.left(100), meter.fitsAt(4, 100), meter.fitsAt(5, 100)]).toEqual([
      2,
      120,
      Number.POSITIVE_INFINITY,
    ])
    expect([meter.fits(3, 109), meter.fits(3, 110)]).toEqual([false, true])
  })
})

describe('a calendar', () => {
  const at = (text: string) => Date.parse(text)

  test.each([
    ['an ordinary day', '2026-01-15T12:00:00Z', 'America/Los_Angeles', '2026-01-16T08:00:00Z'],
    ['a day of 23 hours', '2026-03-08T08:00:00Z', 'America/Los_Angeles', '2026-03-09T07:00:00Z'],
    ['a day of 25 hours', '2026-11-01T07:00:00Z', 'America/Los_Angeles', '2026-11-02T08:00:00Z'],
    ['the last ms of a day', '2026-01-15T23:59:59.999Z', 'UTC', '2026-01-16T00:00:00Z'],
    ['a zone of half hours', '2026-01-15T18:29:00Z', 'Asia/Kolkata', '2026-01-15T18:30:00Z'],
  ])('ends %s at midnight in its zone', (_, from, zone, to) => {
    expect(new Date(endOfPeriod(at(from), zone, 'day'))).toEqual(new Date(to))
  })

  test('ends a month at the first of the next', () => {
    expect(new Date(endOfPeriod(at('2028-02-10T00:00:00Z'), 'Europe/Berlin', 'month'))).toEqual(
      new Date('2028-02-29T23:00:00Z'),
    )
  })

  test('forgets at its midnight and not before', () => {
    const meter = createMeter(3, 86_400_000, { kind: 'calendar', zone: 'Europe/Berlin', period: 'day' })
    const noon = at('2026-10-24T12:00:00Z')
    const midnight = at('2026-10-24T22:00:00Z')
    meter.book(3, noon)
    expect([meter.left(noon), meter.fitsAt(1, noon), meter.left(midnight - 1)]).toEqual([0, midnight, 0])
    meter.book(2, midnight)
    // Clocks go back on this day, which lasts an hour longer.
    const next = at('2026-10-25T23:00:00Z')
    expect([meter.left(midnight), meter.left(next - 1), meter.left(next)]).toEqual([1, 1, 3])
  })
})
