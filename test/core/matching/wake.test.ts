import { describe, expect, test } from 'vitest'
import { reserveAll, settleAll } from '../../../src/core/limits/account.ts'
import { tellFull } from '../../../src/core/matching/wake.ts'
import { limit, llm } from '../../support/llms.ts'
import { pending, stageOf, usedView } from '../../support/pending.ts'
import { START } from '../../support/virtual-clock.ts'
import { openWorld } from '../../support/world.ts'

const input = (inputTokens: number) => ({ inputTokens, outputTokens: 0 })

/** An LLM of 100 tokens a second that used 50 of them at the start and 40 more 100 ms later. */
const used = usedView(llm('A', { limits: [limit('tokens', 100, 1000)] }), (account) => {
  for (const [key, amount, at] of [['a', 50, START - 100] as const, ['b', 40, START] as const]) {
    reserveAll(account, key, input(amount), at)
    settleAll(account, key, input(amount), true, at)
  }
})

describe('an LLM with room that something waiting does not fit', () => {
  test('is told the cost that fits first, not the first that waits', () => {
    const stage = stageOf([used])
    stage.wait([90, 20, 70].map((inputTokens) => pending({ ...input(inputTokens) })))
    tellFull(stage.state, stage.ports, 0, START)
    expect(stage.told).toEqual([
      { llm: 0, message: { type: 'full', wanted: { ...input(20), rank: 1 }, at: START } },
    ])
  })

  test('is told nothing by what fits, waits for others only, or does not wait at all', () => {
    const stage = stageOf([used, used])
    stage.wait([pending(input(10)), pending({ ...input(90), eligible: [1] })])
    tellFull(stage.state, stage.ports, 0, START)
    expect(stage.told).toEqual([])
  })

  test('is told by every priority, the one that fits first deciding', () => {
    const stage = stageOf([used])
    stage.wait([pending({ ...input(90), priority: 'high' }), pending({ ...input(20), priority: 'low' })])
    tellFull(stage.state, stage.ports, 0, START)
    expect(stage.told.map(({ message }) => 'wanted' in message && message.wanted)).toEqual([
      { ...input(20), rank: 2 },
    ])
  })
})

describe('an LLM that sleeps', () => {
  const asleep = (wakeAt: number) =>
    ({ ...used, status: 'exhausted', wanted: { ...input(90), rank: 1 }, wakeAt: START + wakeAt }) as const

  test('is told of what waits only if that fits before it wakes', () => {
    for (const [wakeAt, count] of [[1400, 0] as const, [1401, 1] as const]) {
      const stage = stageOf([asleep(wakeAt)])
      stage.wait([pending(input(20))])
      tellFull(stage.state, stage.ports, 0, START)
      expect(stage.told).toHaveLength(count)
    }
  })

  test('is told of a newcomer only if that fits before it wakes', () => {
    for (const [wakeAt, count] of [[1400, 0] as const, [1401, 1] as const]) {
      const stage = stageOf([asleep(wakeAt)])
      stage.newcomer(pending(input(20)))
      expect(stage.told).toHaveLength(count)
    }
  })

  test('is not told of a newcomer that asks for no less than what it sleeps for', () => {
    const stage = stageOf([asleep(9999)])
    stage.newcomer(pending(input(95)))
    expect(stage.told).toEqual([])
  })
})

test('every request starts in the very ms in which it fits, whatever its size', () => {
  const world = openWorld({ specs: [llm('A', { limits: [limit('tokens', 100, 1000)] })] })
  for (let i = 0; i < 10; i++) {
    world.finishes(world.arrives({ input_tokens: 10, output_tokens: 0 }), { input: 10, output: 0 })
    world.clock.advance(10)
  }
  const sizes = [70, 15, 5]
  const waiting = sizes.map((size) => world.arrives({ input_tokens: size, output_tokens: 0 }))
  world.clock.advance(2000)
  const startOf = (id: string) => world.all('request.dispatched').find(({ request }) => request === id)!.at
  // 10 tokens come back every 10 ms from 1500 ms on: 5 fit after the first, 15 with them after the second.
  expect(waiting.map((id) => startOf(id) - START)).toEqual([1580, 1510, 1500])
})
