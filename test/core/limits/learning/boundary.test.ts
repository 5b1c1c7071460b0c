import { describe, expect, test } from 'vitest'
import {
  type Boundary,
  isLengthProven,
  isPhaseProven,
  watchBoundary,
} from '../../../../src/core/limits/learning/boundary.ts'
import { sightingOf } from '../../../../src/core/limits/learning/sighting.ts'
import { createLedger, reserve, settle } from '../../../../src/core/limits/ledger.ts'
import { type Counting, createMeter } from '../../../../src/sim/meter.ts'
import { limit } from '../../../support/llms.ts'
import { START } from '../../../support/virtual-clock.ts'

const PER_MS = 10_000
const AMOUNT = 40
/** The first boundary of the clock after the start. */
const ORIGIN = Math.ceil(START / PER_MS) * PER_MS

/** What was learned after bursts of calls, all within the limit, each answered after `callMs`; or all at once, if that is 0. */
function watching(
  counting: Counting,
  bursts: readonly (readonly [at: number, calls: number])[],
  callMs = 101,
  resetAt?: (at: number) => number,
) {
  const books = createLedger(limit('requests', AMOUNT, PER_MS))
  const meter = createMeter(AMOUNT, PER_MS, counting)
  let boundary: Boundary | null = null
  for (const [offset, calls] of bursts) {
    for (let i = 0; i < calls; i++) {
      const at = ORIGIN + offset + i * callMs
      reserve(books, 'call', 1, at)
      meter.book(1, at)
      settle(books, 'call', 1, at + callMs)
      if (callMs === 0 && i < calls - 1) continue
      const reset_ms = (resetAt?.(at) ?? meter.fitsAt(AMOUNT, at)) - at
      const remaining = meter.left(at)
      const sighting = sightingOf(
        { unit: 'requests', per_ms: null, limit: AMOUNT, remaining, reset_ms },
        at,
        at + callMs,
      )
      boundary = watchBoundary(boundary, sighting!, books)
    }
  }
  return boundary!
}

/** A burst in each window, `intoMs` after it began, so that most of the limit is used. */
const eachWindow = (count: number, intoMs: number) =>
  Array.from({ length: count }, (_, i) => [i * PER_MS + intoMs, 30] as const)

const FIXED: Counting = { kind: 'fixed', phaseMs: 0 }

describe('fixed windows', () => {
  test('are proven by three that began before the first call, once the one before them is forgotten', () => {
    expect(isPhaseProven(watching(FIXED, eachWindow(3, 4_000)), 1)).toBe(false)
    const boundary = watching(FIXED, eachWindow(4, 4_000))
    expect(isPhaseProven(boundary, 1)).toBe(true)
    const end = ORIGIN + 4 * PER_MS
    expect(boundary.earliest).toBeLessThanOrEqual(end)
    expect(boundary.latest).toBeGreaterThanOrEqual(end)
    expect(boundary.latest - boundary.earliest).toBeLessThan(200)
  })

  test('are proven by twice as many after a doubt', () => {
    expect(isPhaseProven(watching(FIXED, eachWindow(6, 4_000)), 2)).toBe(false)
    expect(isPhaseProven(watching(FIXED, eachWindow(7, 4_000)), 2)).toBe(true)
  })

  test('are not proven as long as answers take for so long that the end is uncertain', () => {
    expect(
      isPhaseProven(
        watching(
          FIXED,
          eachWindow(6, 4_000).map(([at]) => [at, 1]),
          3_000,
        ),
        1,
      ),
    ).toBe(false)
  })

  test('are not proven by calls that come as each begins, but their length is', () => {
    const boundary = watching(FIXED, eachWindow(6, 100))
    expect(isPhaseProven(boundary, 1)).toBe(false)
    expect(isLengthProven(boundary)).toBe(true)
  })
})

describe('no fixed windows are proven', () => {
  const apart = Array.from({ length: 8 }, (_, i) => [i * (PER_MS + 600) + 4_000, 30] as const)
  test.each<[string, Counting]>([
    ['a log', { kind: 'sliding' }],
    ['windows that begin with a call', { kind: 'anchored' }],
    ['a bucket', { kind: 'bucket', capacity: AMOUNT }],
    ['a weighted count of two windows', { kind: 'counter', phaseMs: 0 }],
  ])('by %s, whenever calls come', (_, counting) => {
    for (const bursts of [eachWindow(8, 4_000), apart]) {
      expect(watching(counting, bursts).windows).toBe(0)
      expect(watching(counting, bursts, 0).windows).toBe(0)
    }
  })

  test('by a weighted count of two windows that tells the end of the window that runs', () => {
    const endOfWindow = (at: number) => Math.floor(at / PER_MS) * PER_MS + PER_MS
    const half = eachWindow(8, 4_000).map(([at]) => [at, 20] as const)
    expect(watching({ kind: 'counter', phaseMs: 0 }, half, 101, endOfWindow).windows).toBe(0)
    expect(watching(FIXED, half, 101, endOfWindow).windows).toBeGreaterThan(3)
  })
})
