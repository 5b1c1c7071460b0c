import { expect, test } from 'vitest'
import { kindLines } from './kinds-cases.ts'
import { learningLines } from './learning-cases.ts'

test('limits that are not as declared are learned well enough, and honest ones are left alone', {
  timeout: 120_000,
}, () => {
  const missed = learningLines({ windows: 15, seeds: 1 }).filter(({ met }) => !met)
  expect(missed).toEqual([])
})

test('how a limit is counted is learned from headers that are true, and costs nothing where they are not', {
  timeout: 120_000,
}, () => {
  expect(kindLines({ windows: 24, seeds: 1 }).filter(({ met }) => !met)).toEqual([])
})
