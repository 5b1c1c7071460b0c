import { describe, expect, test } from 'vitest'
import { createRefill, provenRefillMs, watchRefill } from '../../../../src/core/limits/learning/refill.ts'
import { sightingOf } from '../../../../src/core/limits/learning/sighting.ts'

const MINUTE_MS = 60_000

/** Takes in that so much is used of 600 and free again after so long. */
function watching(...seen: readonly (readonly [used: number, resetMs: number])[]) {
  const refill = createRefill()
  for (const [used, reset_ms] of seen) {
    const report = { unit: 'requests', per_ms: null, limit: 600, remaining: 600 - used, reset_ms } as const
    watchRefill(refill, sightingOf(report, 0, 1)!)
  }
  return refill
}

/** What a bucket tells that lacks more and more; 3 ms less than for whole requests, since it refills all the time. */
const bucket = (perMs: number, count: number) =>
  Array.from({ length: count }, (_, i) => [20 + 10 * i, ((20 + 10 * i) * perMs) / 600 - 3] as const)

describe('a bucket', () => {
  test('is proven by twelve sightings, and by twice as many after a doubt', () => {
    expect(provenRefillMs(watching(...bucket(MINUTE_MS, 11)), MINUTE_MS, 1)).toBeNull()
    expect(provenRefillMs(watching(...bucket(MINUTE_MS, 12)), MINUTE_MS, 1)).toBe(MINUTE_MS)
    expect(provenRefillMs(watching(...bucket(MINUTE_MS, 23)), MINUTE_MS, 2)).toBeNull()
    expect(provenRefillMs(watching(...bucket(MINUTE_MS, 24)), MINUTE_MS, 2)).toBe(MINUTE_MS)
  })

  test('of another length is found if it is a usual one', () => {
    expect(provenRefillMs(watching(...bucket(10_000, 12)), MINUTE_MS, 1)).toBe(10_000)
    expect(provenRefillMs(watching(...bucket(18_000, 12)), MINUTE_MS, 1)).toBeNull()
    expect(provenRefillMs(watching(...bucket(18_000, 12)), 18_000, 1)).toBe(18_000)
  })

  test('is proven anew from a sighting on that does not agree', () => {
    const broken = [...bucket(MINUTE_MS, 11), [100, 59_998] as const]
    expect(provenRefillMs(watching(...broken, ...bucket(MINUTE_MS, 11)), MINUTE_MS, 1)).toBeNull()
    expect(provenRefillMs(watching(...broken, ...bucket(MINUTE_MS, 12)), MINUTE_MS, 1)).toBe(MINUTE_MS)
  })
})

describe('no bucket is proven', () => {
  test('by a count that hardly moves, as that of a full log', () => {
    const full = Array.from({ length: 50 }, (_, i) => [594 + 4 * (i % 2), 59_401 + 400 * (i % 2)] as const)
    expect(provenRefillMs(watching(...full), MINUTE_MS, 1)).toBeNull()
  })

  test('by the answers to one burst, which say the same', () => {
    const burst = Array.from({ length: 50 }, () => [300, 30_001] as const)
    expect(provenRefillMs(watching([20, 2_001], ...burst), MINUTE_MS, 1)).toBeNull()
  })

  test('by so few calls that a rounding explains them', () => {
    const few = Array.from({ length: 50 }, (_, i) => [1 + (i % 2), 100 + 100 * (i % 2)] as const)
    expect(provenRefillMs(watching(...few), MINUTE_MS, 1)).toBeNull()
  })
})
