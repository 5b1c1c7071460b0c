import { describe, expect, test } from 'vitest'
import { isPatient, startBy, timeFor } from '../../../src/core/matching/patient.ts'
import { createQueue, enqueue } from '../../../src/core/queue/queue.ts'
import { pending } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'

const MINUTE_MS = 60_000

/** The time for alike requests of which each may wait for so long. */
function timeOf(...waitsMs: number[]): number {
  const queue = createQueue()
  for (const waitMs of waitsMs) enqueue(queue, pending({ deadline: START + waitMs }), null)
  const [stock] = queue.stocks.values()
  return timeFor(stock!, START)
}

const times = (count: number, waitMs: number) => Array<number>(count).fill(waitMs)
const leftOf = (waitMs: number) => startBy({ at: START, deadline: START + waitMs }) - START

test('only who weighs one thing alone is patient', () => {
  expect(isPatient({ cost: 1, quality: 0, speed: 0 })).toBe(true)
  expect(isPatient({ cost: 0, quality: 0.5, speed: 0 })).toBe(true)
  expect(isPatient({ cost: 1, quality: 0.1, speed: 0 })).toBe(false)
  expect(isPatient({ cost: 1, quality: 0, speed: 0.01 })).toBe(false)
})

test('a tenth of a wait and two seconds are kept for what nobody foresees', () => {
  expect(leftOf(10 * MINUTE_MS)).toBe(9 * MINUTE_MS - 2000)
})

describe('the time in which patient requests have to start', () => {
  test('is what each of them has left where that is the same', () => {
    expect(timeOf(...times(40, MINUTE_MS))).toBe(leftOf(MINUTE_MS))
  })

  test('is twice what half of them have left, if the others have longer', () => {
    const half = [...times(20, MINUTE_MS), ...times(20, 60 * MINUTE_MS)]
    expect(timeOf(...half)).toBe(2 * leftOf(MINUTE_MS))
  })

  test('is all of the longest wait where they are due one after the other', () => {
    const waits = Array.from({ length: 40 }, (_, i) => (i + 1) * MINUTE_MS)
    const ratio = timeOf(...waits) / leftOf(40 * MINUTE_MS)
    expect(ratio).toBeGreaterThan(0.75)
    expect(ratio).toBeLessThan(1.2)
  })

  test('is not cut short by the very first', () => {
    expect(timeOf(3_000, ...times(39, 10 * MINUTE_MS))).toBe(leftOf(10 * MINUTE_MS))
  })
})
