import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Capacity, planOf, type Work } from '../../../src/core/matching/plan.ts'

const MINUTE_MS = 60_000

/** Limits that let through so many units a minute, at an even pace. */
const rates =
  (...llms: number[][]): Capacity =>
  (ms) =>
    llms.map((limits) => limits.map((perMinute) => (perMinute * ms) / MINUTE_MS))

const work = (count: number, ...units: number[][]): Work => ({
  count,
  options: units.map((each, llm) => ({ llm, units: each })),
})

/** The fullest limit, 1 being full, where the work is shared out like this. */
function loadOf(works: readonly Work[], shares: readonly (readonly number[])[], caps: number[][]): number {
  const loads = caps.map((limits) => limits.map(() => 0))
  for (const [w, { count, options }] of works.entries())
    for (const [o, { llm, units }] of options.entries())
      for (const [k, unit] of units.entries())
        loads[llm]![k]! += (count * unit * shares[w]![o]!) / caps[llm]![k]!
  return Math.max(...loads.flat())
}

/**
 * The least load of all ways to share work between two LLMs of two limits, by the duality of linear programs: the most
 * that the work costs, each kind going where it is cheapest, over all prices of the limits that add up to 1. Every
 * point of a grid of prices is looked at, then of ever finer ones around the best.
 */
function leastLoad(works: readonly Work[], caps: number[][]): number {
  const costAt = (prices: readonly number[]) =>
    works.reduce((sum, { count, options }) => {
      const costs = options.map(({ llm, units }) =>
        units.reduce((cost, unit, k) => cost + (prices[llm * 2 + k]! * unit) / caps[llm]![k]!, 0),
      )
      return sum + count * Math.min(...costs)
    }, 0)
  let best = { cost: 0, at: [0.25, 0.25, 0.25] }
  for (let step = 0.1; step > 0.0005; step /= 2) {
    const { at: centre } = best
    for (let i = -3; i <= 3; i++)
      for (let j = -3; j <= 3; j++)
        for (let k = -3; k <= 3; k++) {
          const at = [i, j, k].map((d, n) => Math.max(0, centre[n]! + d * step))
          const last = 1 - at.reduce((sum, price) => sum + price, 0)
          if (last < 0) continue
          const cost = costAt([...at, last])
          if (cost > best.cost) best = { cost, at }
        }
  }
  return best.cost
}

const tokens = fc.integer({ min: 50, max: 3000 })
const kind = fc
  .record({ count: fc.integer({ min: 1, max: 30 }), tokens })
  .map(({ count, tokens }) => work(count, [1, tokens], [1, tokens]))
const limits = fc.tuple(fc.integer({ min: 10, max: 100 }), fc.integer({ min: 10_000, max: 200_000 }))

describe('a plan', () => {
  /** The same instances in every run, so that a share of them can be spoken of. */
  const instances = fc.sample(fc.tuple(fc.array(kind, { minLength: 8, maxLength: 16 }), limits, limits), {
    numRuns: 100,
    seed: 1,
  })
  const sortedBy = (figure: (works: readonly Work[], capacity: Capacity) => number) =>
    instances.map(([works, a, b]) => figure(works, rates(a, b))).sort((x, y) => x - y)

  test('is within 3 % of the best there is three times of four, and within 5 % nearly always', () => {
    const ratios = sortedBy((works, capacity) => {
      const caps = capacity(MINUTE_MS).map((limits) => [...limits])
      return loadOf(works, planOf(works, capacity, MINUTE_MS).shares, caps) / leastLoad(works, caps)
    })
    expect(ratios[0]).toBeGreaterThan(0.999)
    expect(ratios[74]).toBeLessThan(1.03)
    expect(ratios[94]).toBeLessThan(1.05)
    expect(ratios[99]).toBeLessThan(1.1)
  })

  test('ends when all could be done, or a little later', () => {
    const ratios = sortedBy((works, capacity) => {
      const least =
        leastLoad(
          works,
          capacity(MINUTE_MS).map((limits) => [...limits]),
        ) * MINUTE_MS
      return planOf(works, capacity, MINUTE_MS).horizonMs / Math.max(1000, least)
    })
    expect(ratios[0]).toBeGreaterThan(0.97)
    expect(ratios[74]).toBeLessThan(1.1)
    expect(ratios[99]).toBeLessThan(1.5)
  })

  test('gives away all of every kind, and nothing below 0', () => {
    const check = (works: Work[], a: number[], b: number[]) => {
      for (const share of planOf(works, rates(a, b), MINUTE_MS).shares) {
        expect(share.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 9)
        for (const part of share) expect(part).toBeGreaterThanOrEqual(0)
      }
    }
    fc.assert(fc.property(fc.array(kind, { minLength: 1, maxLength: 5 }), limits, limits, check))
  })

  test('splits what is alike by what each LLM lets through', () => {
    const { horizonMs, shares } = planOf([work(100, [1], [1])], rates([30], [10]), MINUTE_MS)
    expect(shares[0]![0]).toBeCloseTo(0.75, 1)
    expect(horizonMs / MINUTE_MS).toBeCloseTo(2.5, 0)
  })

  test('gives long requests to the LLM with many tokens and short ones to the one with many requests', () => {
    const short = work(100, [1, 10], [1, 10])
    const long = work(100, [1, 1000], [1, 1000])
    const { shares } = planOf([short, long], rates([100, 20_000], [100, 100_000]), MINUTE_MS)
    // At best the one takes all but 20 of the long and the other all but 20 of the short.
    expect(shares[0]![0]).toBeGreaterThan(0.7)
    expect(shares[1]![1]).toBeGreaterThan(0.7)
  })

  test('leaves nothing to an LLM that lets nothing through', () => {
    const { shares } = planOf([work(100, [1], [1])], rates([10], [0]), MINUTE_MS)
    expect(shares[0]![1]).toBeLessThan(0.01)
  })

  test('is the same wherever the search for its end begins', () => {
    const works = [work(100, [1, 10], [1, 10]), work(100, [1, 1000], [1, 1000])]
    const ends = [0, MINUTE_MS, 1e9].map(
      (guess) => planOf(works, rates([100, 1e4], [20, 1e5]), guess).horizonMs,
    )
    for (const end of ends) expect(end / ends[1]!).toBeCloseTo(1, 1)
  })
})
