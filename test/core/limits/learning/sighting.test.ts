import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LimitReport } from '../../../../src/core/events.ts'
import { isWithin, refillRange, sightingOf } from '../../../../src/core/limits/learning/sighting.ts'

const MINUTE_MS = 60_000
const report = (rest: Partial<LimitReport> = {}): LimitReport => ({
  ...{ unit: 'requests', per_ms: MINUTE_MS, limit: 600, remaining: 500, reset_ms: 9_997 },
  ...rest,
})

describe('a sighting', () => {
  test('needs limit, rest and reset, and none that cannot be', () => {
    for (const missing of [
      { limit: null },
      { remaining: null },
      { reset_ms: null },
      { limit: 0 },
      { remaining: 601 },
    ])
      expect(sightingOf(report(missing), 0, 1)).toBeNull()
  })

  test('is as exact as its numbers are written', () => {
    const slackOf = (reset_ms: number) => sightingOf(report({ reset_ms }), 0, 1)!.resetSlackMs
    expect([9_997, 9_990, 9_900, 9_000].map(slackOf)).toEqual([1, 10, 100, 1000])
    expect(sightingOf(report({ limit: 30_000, remaining: 29_000 }), 0, 1)!.countSlack).toBe(1000)
    expect(sightingOf(report({ limit: 30_000, remaining: 29_001 }), 0, 1)!.countSlack).toBe(1)
  })
})

test('a bucket is always explained by the time that it needs to refill, however its numbers are rounded', () => {
  const check = (limit: number, share: number, perMs: number, grain: number) => {
    const level = limit * share
    const reset = (level * perMs) / limit
    const reset_ms = Math.round(reset / grain) * grain
    const sighting = sightingOf(report({ limit, remaining: Math.floor(limit - level), reset_ms }), 0, 1)!
    expect(isWithin(perMs, refillRange(sighting))).toBe(true)
  }
  const shares = fc.double({ min: 0, max: 1, noNaN: true })
  const lengths = fc.constantFrom(1_000, 10_000, MINUTE_MS, 86_400_000)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      shares,
      lengths,
      fc.constantFrom(1, 10, 100, 1000),
      check,
    ),
  )
})

test('a log that holds a few calls is explained by no such time that it could have', () => {
  const { shortest } = refillRange(sightingOf(report({ remaining: 580, reset_ms: 59_500 }), 0, 1)!)
  expect(shortest).toBeGreaterThan(20 * MINUTE_MS)
})
