import { describe, expect, test } from 'vitest'
import { createRandom } from '../../src/core/random.ts'
import { type Arrival, arrivalsOf, type Pattern, type Source } from '../../src/sim/arrivals.ts'
import { drawFrom, exponential } from '../../src/sim/draw.ts'
import { source } from './support.ts'

const HOUR_MS = 3_600_000

function arrivals(sources: readonly Source[], endMs = HOUR_MS, seed = 1): Arrival[] {
  return [...arrivalsOf(sources, createRandom(seed), 0, endMs)]
}
const timesOf = (pattern: Pattern, endMs = HOUR_MS) =>
  arrivals([source({ pattern })], endMs).map(({ at }) => at)

describe('requests come', () => {
  test('in a burst, once or again and again', () => {
    const burst = { kind: 'burst', requests: 2, atMs: 10, everyMs: null } as const
    expect(timesOf(burst)).toEqual([10, 10])
    expect(timesOf({ ...burst, everyMs: 100 }, 250)).toEqual([10, 10, 110, 110, 210, 210])
    expect(timesOf(burst, 10)).toEqual([])
  })

  test('at equal distances', () => {
    expect(timesOf({ kind: 'steady', perHour: 4 }, HOUR_MS)).toEqual([0, 900_000, 1_800_000, 2_700_000])
  })

  test('at random, at their rate, as often in one second as in another', () => {
    const times = timesOf({ kind: 'random', perHour: 3600 * 10 })
    expect(times.length).toBeGreaterThan(35_000)
    expect(times.length).toBeLessThan(37_000)
    const counts = new Map<number, number>()
    for (const at of times) {
      const second = Math.floor(at / 1000)
      counts.set(second, (counts.get(second) ?? 0) + 1)
    }
    const mean = times.length / 3600
    const variance =
      Array.from({ length: 3600 }, (_, i) => ((counts.get(i) ?? 0) - mean) ** 2).reduce((a, b) => a + b) /
      3600
    // Of a Poisson process the variance is the mean.
    expect(variance / mean).toBeGreaterThan(0.9)
    expect(variance / mean).toBeLessThan(1.1)
  })

  test('only while their source is on', () => {
    const times = timesOf({ kind: 'on_off', perHour: 36_000, onMs: 1000, offMs: 3000 }, 60_000)
    expect(times.every((at) => at % 4000 < 1000 && at < 60_000)).toBe(true)
    expect(times.length).toBeGreaterThan(110)
    expect(times.length).toBeLessThan(190)
  })

  test('by the hour of the day', () => {
    const times = timesOf({ kind: 'profile', perHour: [0, 600, 0, 1200] }, 8 * HOUR_MS)
    const perHour = Array.from(
      { length: 8 },
      (_, hour) => times.filter((at) => Math.floor(at / HOUR_MS) === hour).length,
    )
    expect([perHour[0], perHour[2], perHour[4], perHour[6]]).toEqual([0, 0, 0, 0])
    for (const [hour, rate] of [
      [1, 600],
      [3, 1200],
      [5, 600],
      [7, 1200],
    ] as const) {
      expect(perHour[hour]).toBeGreaterThan(rate * 0.85)
      expect(perHour[hour]).toBeLessThan(rate * 1.15)
    }
    expect(timesOf({ kind: 'profile', perHour: [0] })).toEqual([])
  })
})

test('the requests of several sources come in order of time, each with what its own source says', () => {
  const steady = source({ client: 'steady', pattern: { kind: 'steady', perHour: 60 } })
  const random = source({ client: 'random', pattern: { kind: 'random', perHour: 60 } })
  const all = arrivals([steady, random])
  expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).toSorted((a, b) => a - b))
  expect(all.filter(({ client }) => client === 'steady')).toHaveLength(60)
  // One source draws nothing from another.
  expect(all.filter(({ client }) => client === 'steady')).toEqual(arrivals([steady]))
})

test('a seed gives the same requests every time, and another one others', () => {
  const sources = [source({ pattern: { kind: 'random', perHour: 600 } })]
  expect(arrivals(sources)).toEqual(arrivals(sources))
  expect(arrivals(sources)).not.toEqual(arrivals(sources, HOUR_MS, 2))
})

test('a bound is a number that cuts answers off, or what the answer takes, or none', () => {
  const answerTokens = { least: 0, mean: 50, most: 400 }
  const pattern = { kind: 'burst', requests: 300, atMs: 0, everyMs: null } as const
  const bounded = arrivals([source({ pattern, answerTokens, bound: 30 })])
  expect(bounded.every((one) => one.boundTokens === 30 && one.answerTokens <= 30)).toBe(true)
  expect(bounded.some(({ answerTokens: tokens }) => tokens === 30)).toBe(true)
  const exact = arrivals([source({ pattern, answerTokens })])
  expect(exact.every((one) => one.boundTokens === one.answerTokens)).toBe(true)
  const free = arrivals([source({ pattern, answerTokens, bound: null })])
  expect(free.every(({ boundTokens }) => boundTokens === null)).toBe(true)
})

test('numbers are drawn from their least to their most with about their mean', () => {
  const random = createRandom(5)
  const draws = Array.from({ length: 20_000 }, () => drawFrom({ least: 10, mean: 50, most: 1000 }, random))
  const mean = draws.reduce((a, b) => a + b) / draws.length
  expect(Math.min(...draws)).toBe(10)
  expect(Math.max(...draws)).toBeLessThanOrEqual(1000)
  expect(mean).toBeGreaterThan(49)
  expect(mean).toBeLessThan(51)
  // The median of an exponential distribution is ln 2 of its mean.
  const units = Array.from({ length: 20_000 }, () => exponential(random)).toSorted((a, b) => a - b)
  expect(units[10_000]).toBeCloseTo(Math.LN2, 1)
})
