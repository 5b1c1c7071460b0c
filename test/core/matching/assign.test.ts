import { expect, test } from 'vitest'
import { limit, llm } from '../../support/llms.ts'
import { openWorld } from '../../support/world.ts'

test('once a long queue is gone at once, a newcomer does not wait behind it', () => {
  const specs = [llm('A', { limits: [limit('requests', 1, 60_000)] })]
  const world = openWorld({ specs, policy: { maxBytes: 100_000 } })
  const first = world.arrives()
  for (let i = 0; i < 30; i++) world.arrives({ body_bytes: 1, max_wait_ms: 1000 })
  world.finishes(first)
  world.clock.runUntil(world.clock.now() + 120_000)
  expect(world.all('request.expired')).toHaveLength(30)

  const later = world.arrives({ body_bytes: 200_000 })
  expect(world.llmOf(later)).toBe('A')
  expect(world.all('request.queued').filter(({ request }) => request === later)).toEqual([])
})
