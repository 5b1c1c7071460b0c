import { describe, expect, test } from 'vitest'
import { letsThrough, throughIn } from '../../../src/core/matching/through.ts'
import { limit, llm, view } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

const MIDNIGHT = Math.ceil(START / DAY_MS) * DAY_MS

const through = (spec: Parameters<typeof llm>[1], rank: number, ms: number) =>
  throughIn(view(llm('one', spec)), rank, MIDNIGHT, ms)

describe('what limits let through in a time', () => {
  const perMinute = { limits: [limit('requests', 10, MINUTE_MS)] }

  test('is what is free and what comes back with each period', () => {
    expect(through(perMinute, 1, MINUTE_MS - 1)).toEqual([10])
    expect(through(perMinute, 1, 3 * MINUTE_MS)).toEqual([40])
  })

  test('is the time of all slots where calls at once are limited', () => {
    expect(through({ limits: [limit('concurrency', 3, 0)] }, 1, 5000)).toEqual([15_000])
  })

  test('leaves out what is kept from the rank', () => {
    const kept = { limits: [{ ...limit('requests', 10, MINUTE_MS), ceilings: [1000, 1000, 500] }] }
    expect(through(kept, 1, MINUTE_MS)).toEqual([20])
    expect(through(kept, 2, MINUTE_MS)).toEqual([10])
  })

  test('is no more than the pace of a day allows, but for the highest rank', () => {
    const daily = { limits: [limit('requests', 2400, DAY_MS)] }
    const [urgent, soon, all] = [
      through(daily, 0, 1000),
      through(daily, 1, 1000),
      through(daily, 1, DAY_MS - 1),
    ]
    expect(urgent).toEqual([2400])
    expect(soon[0]).toBeLessThan(400)
    expect(all[0]).toBeGreaterThan(1500)
  })

  test('is nothing until an LLM is back from a failure', () => {
    const cooling = view(llm('one', perMinute), { status: 'cooling', wakeAt: START + MINUTE_MS })
    expect(throughIn(cooling, 1, START, MINUTE_MS)).toEqual([0])
    expect(throughIn(cooling, 1, START, MINUTE_MS + 1)).toEqual([20])
  })

  test('counts no rank where none is given', () => {
    const { account } = view(llm('one', { limits: [limit('requests', 2400, DAY_MS)] }))
    expect(letsThrough(account.ledgers[0]!, START, 1000)).toBe(2400)
  })
})
