import { expect, test } from 'vitest'
import { learningLines } from './learning-cases.ts'

test('limits that are not as declared are learned well enough, and honest ones are left alone', {
  timeout: 120_000,
}, () => {
  const missed = learningLines({ windows: 15, seeds: 1 }).filter(({ met }) => !met)
  expect(missed).toEqual([])
})
