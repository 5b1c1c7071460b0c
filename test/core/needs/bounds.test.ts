import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Bounds, NO_BOUNDS, outOfBounds, stricter } from '../../../src/core/needs/bounds.ts'
import { costOn, priceOf } from '../../../src/core/matching/choose.ts'
import { fitsNowhere } from '../../../src/core/refusal.ts'
import { llm, view } from '../../support/llms.ts'

const needs = { inputTokens: 1000, outputTokens: 500, choices: 1 }
/** 1000 in and 500 out cost 1 + 1 = 2 thousandths of a dollar. */
const priced = view(llm('A', { inputPicoUsd: 1_000_000, outputPicoUsd: 2_000_000, quality: 600 }))
const least = (minQuality: number): Bounds => ({ ...NO_BOUNDS, minQuality })
const most = (maxCostNanoUsd: number): Bounds => ({ ...NO_BOUNDS, maxCostNanoUsd })

describe('an LLM is out of bounds', () => {
  test('when its quality is lower', () => {
    expect(outOfBounds(priced, needs, least(600))).toBeNull()
    expect(outOfBounds(priced, needs, least(601))).toBe('its quality 0.6 does not reach min_quality 0.601')
  })

  test('when the whole call is expected to cost more', () => {
    expect(outOfBounds(priced, needs, most(2_000_000))).toBeNull()
    expect(outOfBounds(priced, needs, most(1_999_999))).toBe(
      'it may cost 0.002 USD, more than max_cost 0.001999999 USD',
    )
  })

  test('by the likely answer where the client names no bound on it', () => {
    const open = { ...needs, outputTokens: null }
    expect(outOfBounds(priced, open, most(3_047_999))).toMatch(/^it may cost 0\.003048 USD/)
    expect(outOfBounds(priced, open, most(3_048_000))).toBeNull()
  })

  test('never when it is free, nor where nothing is asked', () => {
    expect(outOfBounds(view(llm('free')), needs, most(0))).toBeNull()
    expect(outOfBounds(priced, needs, NO_BOUNDS)).toBeNull()
  })
})

test('of two bounds the stricter holds: both together let in what each of them does', () => {
  const bound = fc.record({
    minQuality: fc.option(fc.integer({ min: 0, max: 1000 })),
    maxCostNanoUsd: fc.option(fc.nat({ max: 4_000_000 })),
  })
  const spec = fc.record({ quality: fc.nat({ max: 1000 }), inputPicoUsd: fc.nat({ max: 4_000_000 }) })
  const check = (one: Bounds, other: Bounds, rest: { quality: number; inputPicoUsd: number }) => {
    const candidate = view(llm('A', rest))
    const isIn = (bounds: Bounds) => outOfBounds(candidate, needs, bounds) === null
    const nanoUsd = priceOf(candidate.spec, costOn(candidate, needs)) / 1000
    const plainly = [one, other].every(
      ({ minQuality, maxCostNanoUsd }) =>
        rest.quality >= (minQuality ?? 0) && nanoUsd <= (maxCostNanoUsd ?? Number.POSITIVE_INFINITY),
    )
    expect(isIn(stricter(one, other))).toBe(plainly)
    expect(isIn(one) && isIn(other)).toBe(plainly)
  }
  fc.assert(fc.property(bound, bound, spec, check))
})

test('a refusal tells the figures of each LLM, and has a code of its own where a bound alone is in the way', () => {
  const bound = { llm: 'A', excluded: 'its quality 0.5 does not reach min_quality 0.7', isBound: true }
  const mode = { llm: 'B', excluded: 'does not take vision', isBound: false }
  const refused = fitsNowhere([bound, mode])
  expect(refused).toMatchObject({ status: 400, code: 'out_of_bounds', retryAfterMs: null })
  expect(refused.message).toContain(`(A: ${bound.excluded}; B: ${mode.excluded})`)
  expect(fitsNowhere([mode]).code).toBe('unsupported_mode')
})
