import { describe, expect, test } from 'vitest'
import { limit, llm } from '../support/llms.ts'
import { openWorld } from '../support/world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const ceilings = [1000, 1000, 500]

const started = (world: ReturnType<typeof openWorld>, ids: readonly string[]) =>
  ids.filter((id) => world.llmOf(id) !== null).length

describe('a ceiling', () => {
  for (const count of [8, 30]) {
    test(`leaves half of a limit to those above, while ${count} of low priority wait`, () => {
      const world = openWorld({
        specs: [llm('A', { limits: [limit('requests', 6, MINUTE_MS, 'rpm', { ceilings })] })],
      })
      const low = Array.from({ length: count }, () => world.arrives({ priority: 'low', max_wait_ms: DAY_MS }))
      world.clock.advance(100)
      expect(started(world, low)).toBe(3)
      const high = Array.from({ length: 3 }, () => world.arrives({ priority: 'high' }))
      world.clock.advance(100)
      expect([started(world, high), started(world, low)]).toEqual([3, 3])
    })

    test(`lets the next ones start in the very ms in which they may, of ${count}`, () => {
      const world = openWorld({
        specs: [llm('A', { limits: [limit('requests', 6, MINUTE_MS, 'rpm', { ceilings })] })],
      })
      const low = Array.from({ length: count }, () => world.arrives({ priority: 'low', max_wait_ms: DAY_MS }))
      world.clock.advance(30)
      const starts = () => world.all('request.dispatched').map(({ at }) => at)
      const first = starts()
      world.clock.advance(MINUTE_MS + 600)
      expect(started(world, low)).toBe(6)
      expect(starts().slice(3)).toEqual(first.map((at) => at + MINUTE_MS + 500))
    })
  }
})

test('what a daily limit is paced to is started step by step, and the highest priority is not held up', () => {
  const world = openWorld({
    specs: [llm('A', { limits: [limit('requests', 96, DAY_MS, 'rpd', { pace: true })] })],
  })
  // Soon after midnight, UTC, where a new day begins.
  world.clock.advance(2 * HOUR_MS)
  const normal = Array.from({ length: 40 }, () => world.arrives({ max_wait_ms: DAY_MS }))
  world.clock.advance(1000)
  const before = started(world, normal)
  expect(before).toBeLessThan(40)
  const high = world.arrives({ priority: 'high' })
  world.clock.advance(100)
  expect(world.llmOf(high)).toBe('A')
  world.clock.advance(6 * HOUR_MS)
  expect(started(world, normal)).toBeGreaterThan(before)
})
