import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSketch } from '../../../src/log/stats/sketch.ts'

const times = fc.oneof(
  fc.nat({ max: 600 }),
  fc.nat({ max: 100_000 }),
  fc.nat({ max: 2 ** 31 - 1 }),
  fc.nat({ max: 31 }).map((power) => 2 ** power - 1),
)

function sketchOf(all: readonly number[]) {
  const sketch = createSketch()
  for (const ms of all) sketch.add(ms)
  return sketch
}

test('a quantile is that of nearest rank, never more and less by under 1 %', () => {
  fc.assert(
    fc.property(
      fc.array(times, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 0, max: 1000 }),
      (all, permille) => {
        const sorted = all.toSorted((a, b) => a - b)
        const exact = sorted[Math.max(1, Math.ceil((all.length * permille) / 1000)) - 1]!
        const found = sketchOf(all).quantile(permille)
        expect(found).toBeLessThanOrEqual(exact)
        expect(exact - found).toBeLessThanOrEqual(exact / 128)
        if (exact < 256) expect(found).toBe(exact)
      },
    ),
  )
})

test('every time is in the bucket of the greatest least time that is not above it', () => {
  let [before, buckets] = [0, 0]
  for (let ms = 1; ms < 70_000; ms++) {
    const found = sketchOf([ms]).quantile(500)
    expect(found).toBeGreaterThanOrEqual(before)
    if (found !== before) expect(found).toBe(ms)
    buckets += Number(found !== before)
    before = found
  }
  // 255 exact ones, 128 for each power of two from 256 to 32,768, and of the last those up to 70,000.
  expect(buckets).toBe(255 + 8 * 128 + Math.floor((69_999 - 65_536) / 512) + 1)
})

test('of no time every quantile is 0, and longer times than 24 days count as that', () => {
  expect([createSketch().quantile(500), createSketch().max]).toEqual([0, 0])
  const sketch = sketchOf([2 ** 40])
  expect(sketch.quantile(1000)).toBe(255 * 2 ** 23)
  expect([sketch.max, sketch.count]).toEqual([2 ** 40, 1])
})
