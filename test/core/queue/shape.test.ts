import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leastOf, shapeOf, sizeClass } from '../../../src/core/queue/shape.ts'
import { pending } from '../../support/pending.ts'

describe('a class of sizes', () => {
  const sizes = fc.integer({ min: 0, max: 2 ** 31 - 1 })

  test('is the number itself up to 7, then a quarter of a power of two', () => {
    expect([...Array(8).keys()].map(sizeClass)).toEqual([...Array(8).keys()])
    const bounds = [...Array(9).keys()].map((i) => leastOf(8 + i))
    expect(bounds).toEqual([8, 10, 12, 14, 16, 20, 24, 28, 32])
  })

  test('never falls as the size rises, and leaves no class out', () => {
    for (let tokens = 1; tokens < 100_000; tokens++) {
      const step = sizeClass(tokens) - sizeClass(tokens - 1)
      expect(step === 0 || step === 1).toBe(true)
    }
    fc.assert(
      fc.property(sizes, sizes, (a, b) => {
        expect(Math.sign(sizeClass(a) - sizeClass(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  test('has a least size, of which none of its sizes is more than a quarter above', () => {
    const check = (tokens: number) => {
      const least = leastOf(sizeClass(tokens))
      expect(least).toBeLessThanOrEqual(tokens)
      expect(tokens).toBeLessThan(Math.max(least + 1, least * 1.25))
      expect(sizeClass(least)).toBe(sizeClass(tokens))
    }
    fc.assert(fc.property(sizes, check))
  })

  test('ends with what fits 31 bits: whatever is larger is the same', () => {
    expect(sizeClass(2 ** 40)).toBe(sizeClass(2 ** 31 - 1))
  })
})

describe('requests have the same shape', () => {
  const base = { inputTokens: 100, outputTokens: 200, eligible: [0, 1] }
  const keyOf = (rest: Parameters<typeof pending>[0] = {}) => shapeOf(pending({ ...base, ...rest })).key

  test('if they are about as large, whoever sent them and however long they may wait', () => {
    expect(keyOf({ inputTokens: 111, outputTokens: 223, client: 'other', deadline: 1 })).toBe(keyOf())
  })

  test.each([
    ['a longer prompt', { inputTokens: 112 }],
    ['a longer answer', { outputTokens: 224 }],
    ['an answer without bound', { outputTokens: null }],
    ['other LLMs', { eligible: [0] }],
    ['another wish', { weights: { cost: 0, quality: 1, speed: 0 } }],
    ['the choice left to us', { auto: true }],
    ['a failure behind it', { attempts: 1 }],
    ['an LLM that failed it', { excluded: new Set([1]) }],
  ])('but not with %s', (_, rest) => {
    expect(keyOf(rest)).not.toBe(keyOf())
  })

  test('and without bound only if they ask for as many answers', () => {
    const open = { outputTokens: null }
    expect(keyOf({ ...open, choices: 2 })).not.toBe(keyOf(open))
    expect(keyOf({ choices: 2 })).toBe(keyOf())
  })
})

test('a shape knows the LLMs that are left and the least that its requests can ask for', () => {
  const request = pending({
    inputTokens: 111,
    outputTokens: 223,
    eligible: [0, 1, 2],
    excluded: new Set([1]),
  })
  expect(shapeOf(request)).toMatchObject({ llms: [0, 2], inputTokens: 96, outputTokens: 192 })
})
