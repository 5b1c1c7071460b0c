import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EMPTY, noted, quantile } from '../../../src/core/needs/sketch.ts'

const seen = (values: readonly number[]) => values.reduce(noted, EMPTY)
const values = fc.array(fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 5_000_000 })), {
  minLength: 1,
  maxLength: 400,
})

test('a quantile is at or above the true one, and at most a quarter above', () => {
  const check = (some: number[], thousandths: number) => {
    const rank = Math.ceil((some.length * thousandths) / 1000)
    const exact = some.toSorted((a, b) => a - b)[rank - 1]!
    const told = quantile(seen(some), thousandths)
    expect(told).toBeGreaterThanOrEqual(exact)
    expect(told).toBeLessThanOrEqual(exact * 1.25)
  }
  fc.assert(fc.property(values, fc.constantFrom(1, 500, 980, 1000), check))
})

test('nothing seen is nothing told', () => {
  expect(quantile(EMPTY, 980)).toBe(0)
})

test('what is seen now soon counts more than what was', () => {
  const long = seen(Array.from({ length: 5000 }, () => 4000))
  const short = Array.from({ length: 4000 }, () => 100).reduce(noted, long)
  expect(quantile(long, 980)).toBeGreaterThanOrEqual(4000)
  expect(quantile(short, 980)).toBeLessThan(128)
})

test('it stays small, whatever is seen', () => {
  const { counts, total } = seen([0, 1e12, ...Array.from({ length: 10_000 }, (_, i) => i * i)])
  expect(counts.length).toBeLessThanOrEqual(96)
  expect(total).toBeLessThan(512)
  expect(counts.every(Number.isInteger)).toBe(true)
})
