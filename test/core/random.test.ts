import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/random.ts'

const draw = (random: { next(): number }, count: number) => Array.from({ length: count }, () => random.next())

test('the same seed and label give the same numbers, now and in every later version', () => {
  expect(draw(createRandom(42, 'a'), 100)).toEqual(draw(createRandom(42, 'a'), 100))
  expect(draw(createRandom(42, 'a'), 3)).toEqual([0.6875027527566999, 0.1532871259842068, 0.6726653608493507])
})

test('another seed or label gives other numbers', () => {
  const firsts = [createRandom(1), createRandom(2), createRandom(1, 'a'), createRandom(1, 'b')].map(
    (random) => random.next(),
  )
  expect(new Set(firsts).size).toBe(4)
})

test('a fork does not depend on what was drawn before it', () => {
  const fresh = createRandom(7)
  const used = createRandom(7)
  draw(used, 10)
  expect(draw(used.fork('x'), 5)).toEqual(draw(fresh.fork('x'), 5))
  expect(draw(fresh.fork('x').fork('y'), 5)).not.toEqual(draw(fresh.fork('y'), 5))
})

test('whole numbers fall evenly below their bound', () => {
  const random = createRandom(3)
  const counts = [0, 0, 0, 0, 0]
  for (let index = 0; index < 50_000; index++) counts[random.integer(5)]!++
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400)
})

test('bits of neighbouring seeds are not alike', () => {
  const means = Array.from({ length: 1000 }, (_, seed) => createRandom(seed).next())
  const mean = means.reduce((sum, value) => sum + value, 0) / means.length
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.04)
})
