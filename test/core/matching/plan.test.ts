import fc from 'fast-check'
import loadHighs from 'highs'
import { describe, expect, test } from 'vitest'
import { type Capacity, cheapestOf, type Due, planOf } from '../../../src/core/matching/plan.ts'
import type { Work } from '../../../src/core/matching/spread.ts'

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

const highs = await loadHighs()

/** The least loss with which nothing is too full, by a linear program; null where something always is. */
function leastLoss(works: readonly Due[]): number | null {
  const columns = works.flatMap((of, w) => of.options.map((option) => ({ w, of, option })))
  const rows = [
    ...works.map((_, w) => ({
      lower: 1,
      upper: 1,
      entries: columns.flatMap((one, c) => (one.w === w ? [[c, 1] as const] : [])),
    })),
    ...works[0]!.amounts.flatMap((limits, llm) =>
      limits.map((_, k) => ({
        lower: Number.NEGATIVE_INFINITY,
        upper: 1,
        entries: columns.flatMap(({ of: { count, amounts }, option }, c) =>
          option.llm === llm ? [[c, (count * option.units[k]!) / amounts[llm]![k]!] as const] : [],
        ),
      })),
    ),
  ]
  const starts = [0]
  for (const { entries } of rows) starts.push(starts.at(-1)! + entries.length)
  const model = highs.createModel({
    numCols: columns.length,
    numRows: rows.length,
    colCost: columns.map(({ of, option }) => of.count * option.loss!),
    colLower: columns.map(() => 0),
    colUpper: columns.map(() => 1),
    rowLower: rows.map(({ lower }) => lower),
    rowUpper: rows.map(({ upper }) => upper),
    matrix: {
      format: 'csr',
      numRows: rows.length,
      numCols: columns.length,
      starts,
      indices: rows.flatMap(({ entries }) => entries.map(([column]) => column)),
      values: rows.flatMap(({ entries }) => entries.map(([, value]) => value)),
    },
  })
  model.options.set({ output_flag: false })
  model.run()
  const isSolved = model.getModelStatus() === highs.constants.modelStatus.optimal
  const loss = isSolved ? model.getObjectiveValue() : null
  model.dispose()
  return loss
}

const lossOf = (works: readonly Due[], shares: readonly (readonly number[])[]) =>
  works.reduce(
    (sum, { count, options }, w) =>
      options.reduce((all, { loss }, o) => all + count * loss! * shares[w]![o]!, sum),
    0,
  )

/** How full the fullest limit is, each kind held against what there is in its own time. */
function fullest(works: readonly Due[], shares: readonly (readonly number[])[]): number {
  const loads = works[0]!.amounts.map((limits) => limits.map(() => 0))
  for (const [w, { count, options, amounts }] of works.entries())
    for (const [o, { llm, units }] of options.entries())
      for (const [k, unit] of units.entries())
        loads[llm]![k]! += (count * unit * shares[w]![o]!) / amounts[llm]![k]!
  return Math.max(...loads.flat())
}

describe('the cheapest way to be in time', () => {
  const due = (
    count: number,
    amounts: number[][],
    ...options: [loss: number, ...units: number[]][]
  ): Due => ({
    count,
    amounts,
    options: options.map(([loss, ...units], llm) => ({ llm, units, loss })),
  })

  test('takes the best LLM alone where all can be done there in time', () => {
    const works = [due(90, [[100], [100]], [0, 1], [0.5, 1]), due(5, [[100], [100]], [0, 1], [0.1, 1])]
    const shares = cheapestOf(works)
    for (const [best] of shares) expect(best).toBeGreaterThan(0.99)
  })

  test('leaves to a worse LLM what the best one cannot do in time, and there what loses least', () => {
    const amounts = [
      [100, 1e4],
      [100, 1e6],
    ]
    const cheap = due(80, amounts, [0, 1, 100], [0.1, 1, 100])
    const dear = due(80, amounts, [0, 1, 100], [0.9, 1, 100])
    const [first, second] = cheapestOf([cheap, dear])
    expect(first![0]! * 80).toBeCloseTo(20, -1)
    expect(second![0]).toBeGreaterThan(0.9)
  })

  test('holds each kind against what there is in its own time', () => {
    const soon = due(50, [[50], [1000]], [0, 1], [0.5, 1])
    const later = due(50, [[500], [1000]], [0, 1], [0.5, 1])
    const [first, second] = cheapestOf([soon, later])
    // Together they would fill the best LLM by 1.1.
    expect(first![0]! + 0.1 * second![0]!).toBeLessThan(1.04)
    expect(first![0]).toBeGreaterThan(0.8)
    expect(second![0]).toBeGreaterThan(0.9)
  })

  test('shares out by what each LLM can do where not all can be in time', () => {
    const [shares] = cheapestOf([due(300, [[60], [20]], [0, 1], [0.9, 1])])
    expect(shares![0]).toBeCloseTo(0.75, 1)
  })

  test('does not spoil the rest for one kind that cannot be in time at all', () => {
    const hopeless = due(500, [[10], [10], [10]], [0, 1])
    const works = [
      { ...hopeless, options: [{ llm: 2, units: [1], loss: 0 }] },
      due(40, [[20], [50], [10]], [0, 1], [0.9, 1]),
    ]
    const [, shares] = cheapestOf(works)
    expect(shares![0]).toBeCloseTo(0.5, 1)
  })

  test('gives nothing to an LLM that cannot take even one in time, unless there is no other', () => {
    expect(cheapestOf([due(10, [[0.5], [100]], [0, 1], [0.9, 1])])).toEqual([[0, 1]])
    const [none] = cheapestOf([due(10, [[0], [0]], [0, 1], [0.9, 1])])
    expect(none![0]! + none![1]!).toBeCloseTo(1, 9)
  })

  test('loses little more than the least there is, and fills nothing beyond what there is', () => {
    const prices = fc.array(fc.constantFrom(0, 0.05, 0.3, 0.9), { minLength: 4, maxLength: 4 })
    const amounts = fc.array(
      fc.tuple(fc.integer({ min: 20, max: 200 }), fc.integer({ min: 10_000, max: 300_000 })),
      { minLength: 4, maxLength: 4 },
    )
    const kinds = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), tokens), { minLength: 3, maxLength: 18 })
    const instances = fc.sample(fc.tuple(kinds, amounts, prices), { numRuns: 100, seed: 1 })
    const gaps: number[] = []
    const loads: number[] = []
    for (const [some, limits, losses] of instances) {
      const best = Math.min(...losses)
      const works = some.map(([count, size]) =>
        due(count, limits, ...losses.map((loss): [number, number, number] => [loss - best, 1, size])),
      )
      const least = leastLoss(works)
      if (least === null) continue
      const shares = cheapestOf(works)
      loads.push(fullest(works, shares))
      gaps.push((lossOf(works, shares) - least) / works.reduce((sum, { count }) => sum + count, 0))
    }
    gaps.sort((a, b) => a - b)
    loads.sort((a, b) => a - b)
    expect(gaps.length).toBeGreaterThan(80)
    expect(loads[Math.floor(loads.length * 0.9)]).toBeLessThan(1.03)
    expect(loads.at(-1)).toBeLessThan(1.1)
    // In points of score for each request.
    expect(gaps[Math.floor(gaps.length * 0.75)]).toBeLessThan(0.005)
    expect(gaps.at(-1)).toBeLessThan(0.05)
  })
})
