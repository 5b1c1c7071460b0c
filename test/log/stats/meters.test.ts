import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Limit } from '../../../src/core/types.ts'
import { allowedBy, createMeter, partsOf } from '../../../src/log/stats/meters.ts'
import { limit } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'

const DAY_MS = 86_400_000

interface Use {
  readonly at: number
  readonly amount: number
}

/** Amounts that follow each other closely, or after a rest; `scale` is about a window. */
function uses(scale: number): fc.Arbitrary<Use[]> {
  const gap = fc.oneof(fc.constant(0), fc.nat({ max: Math.ceil(scale / 8) }), fc.nat({ max: 3 * scale }))
  return fc
    .tuple(
      fc.nat({ max: DAY_MS }),
      fc.array(fc.tuple(gap, fc.integer({ min: 1, max: 1000 })), { maxLength: 40 }),
    )
    .map(([offset, all]) => {
      let at = START + offset
      return all.map(([gapMs, amount]) => {
        at += gapMs
        return { at, amount }
      })
    })
}

const sum = (all: readonly Use[]) => all.reduce((total, { amount }) => total + amount, 0)

function metered(declared: Limit, all: readonly Use[]) {
  const meter = createMeter(declared)
  for (const { at, amount } of all) meter.add(amount, at)
  return meter
}

/** The most in any of the windows that `isTogether` puts two instants into. */
function mostTogether(all: readonly Use[], windows: readonly ((at: number) => boolean)[]): number {
  return Math.max(0, ...windows.map((isIn) => sum(all.filter(({ at }) => isIn(at)))))
}

test('a sliding limit is used as far as the fullest of the windows that begin at its parts', () => {
  const lengths = fc.constantFrom(1, 7, 10, 61, 97, 600, 1000, 1001, 60_000)
  fc.assert(
    fc.property(
      lengths.chain((perMs) => fc.tuple(fc.constant(perMs), uses(perMs))),
      ([perMs, all]) => {
        const part = perMs / partsOf(perMs)
        const windows = all.flatMap(({ at }) =>
          Array.from({ length: partsOf(perMs) }, (_, i) => {
            const begin = Math.floor(at / part) * part - i * part
            return (other: number) => other >= begin && other < begin + perMs
          }),
        )
        const meter = metered(limit('tokens', 500, perMs), all)
        expect([meter.peak, meter.used(0)]).toEqual([mostTogether(all, windows), sum(all)])
      },
    ),
  )
})

test('parts are the most up to 60 that divide a length', () => {
  const lengths = [1, 2, 59, 60, 61, 97, 1000, 60_000, DAY_MS, 122]
  expect(lengths.map(partsOf)).toEqual(
    lengths.map((perMs) =>
      Math.max(...Array.from({ length: 60 }, (_, i) => i + 1).filter((n) => perMs % n === 0)),
    ),
  )
})

test('a fixed limit of known phase is used as far as the fullest window from its phase on', () => {
  const phased = fc
    .integer({ min: 1, max: 5000 })
    .chain((perMs) => fc.tuple(fc.constant(perMs), fc.nat({ max: perMs - 1 }), uses(perMs)))
  fc.assert(
    fc.property(phased, ([perMs, phaseMs, all]) => {
      const windowAt = (at: number) => Math.floor((at - phaseMs) / perMs)
      const windows = all.map((one) => (at: number) => windowAt(at) === windowAt(one.at))
      const declared = limit('tokens', 500, perMs, 'fixed', { window: 'fixed', phaseMs })
      expect(metered(declared, all).peak).toBe(mostTogether(all, windows))
    }),
  )
})

test('a calendar limit is used as far as the fullest day of its zone, also where clocks change', () => {
  const declared = limit('requests', 5, DAY_MS, 'daily', { window: 'calendar', timeZone: 'America/New_York' })
  // In 2023 clocks there went back on November 5.
  const from = Date.UTC(2023, 10, 3)
  const dayOf = (at: number) => new Date(at).toLocaleDateString('en-US', { timeZone: 'America/New_York' })
  const instants = fc.array(fc.nat({ max: 5 * DAY_MS }), { maxLength: 60 })
  fc.assert(
    fc.property(instants, (offsets) => {
      const all = offsets.toSorted((a, b) => a - b).map((offset) => ({ at: from + offset, amount: 1 }))
      const windows = all.map((one) => (at: number) => dayOf(at) === dayOf(one.at))
      expect(metered(declared, all).peak).toBe(mostTogether(all, windows))
    }),
    { numRuns: 20 },
  )
})

test('a bucket is as full as what went in and did not drain, ms for ms', () => {
  const cases = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 300 }), uses(100))
  fc.assert(
    fc.property(cases, ([rate, perMs, all]) => {
      let [level, peak] = [0, 0]
      const last = all.at(-1)?.at ?? 0
      for (let at = all[0]?.at ?? 1; at <= last; at++) {
        level = Math.max(0, level - rate) + perMs * sum(all.filter((one) => one.at === at))
        peak = Math.max(peak, level)
      }
      const declared = limit('tokens', rate, perMs, 'bucket', { window: 'bucket', burst: 7 })
      expect(metered(declared, all).peak).toBe(Math.ceil(peak / perMs))
    }),
    { numRuns: 30 },
  )
})

test('places are taken from the beginning of a call to its end', () => {
  const calls = fc.array(fc.tuple(fc.nat({ max: 500 }), fc.nat({ max: 300 })), { maxLength: 20 })
  fc.assert(
    fc.property(calls, (all) => {
      const steps = all
        .flatMap(([from, ms]) => [
          { at: from, by: 1 },
          { at: from + ms, by: -1 },
        ])
        .toSorted((a, b) => a.at - b.at || a.by - b.by)
      const meter = createMeter(limit('concurrency', 3))
      for (const { at, by } of steps) if (at <= 600) meter.add(by, at)
      const underWay = Array.from({ length: 600 }, (_, ms) =>
        all.filter(([from, for_]) => from <= ms && ms < from + for_),
      )
      expect(meter.used(600)).toBe(underWay.reduce((total, now) => total + now.length, 0))
      expect(meter.peak).toBeGreaterThanOrEqual(Math.max(0, ...underWay.map((now) => now.length)))
    }),
  )
})

describe('what a limit allows', () => {
  const minutely = limit('tokens', 100, 60_000)

  test('is its share of the time, and at least once the whole', () => {
    expect(allowedBy(minutely, START, START + 90_000)).toBe(150)
    expect(allowedBy(minutely, START, START + 90_599)).toBe(150)
    expect(allowedBy(minutely, START, START + 1)).toBe(100)
    expect(allowedBy({ ...minutely, window: 'bucket', burst: 400 }, START, START + 90_000)).toBe(400)
  })

  test('is exact beyond what a product of two numbers holds', () => {
    const huge = limit('tokens', 900_719_925_474, DAY_MS)
    expect(allowedBy(huge, 0, 10 * DAY_MS)).toBe(9_007_199_254_740)
  })

  test('of places is their time', () => {
    expect(allowedBy(limit('concurrency', 3), START, START + 1000)).toBe(3000)
  })
})
