import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { largestOf, leastOf, sizeClass } from '../../../src/core/needs/size-class.ts'

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

  test('ends where the next one begins, up to the largest', () => {
    expect([7, 8, 15].map(largestOf)).toEqual([7, 9, 31])
    expect(largestOf(sizeClass(2 ** 31 - 1))).toBe(2 ** 31 - 1)
  })
})
