import { expect, test } from 'vitest'
import { llm } from '../../support/llms.ts'
import { openWorld } from '../../support/world.ts'

/** The better of two LLMs cannot be reached. */
function withOneDown() {
  const world = openWorld({ specs: [llm('better', { quality: 900 }), llm('good', { quality: 500 })] })
  const first = world.arrives({ max_wait_ms: 600_000 })
  expect(world.llmOf(first)).toBe('better')
  world.fails(first, 'unreachable')
  return { world, first }
}

test('nobody waits for a provider that cannot be reached while another has room', () => {
  const { world, first } = withOneDown()
  expect(world.llmOf(first)).toBe('good')
  expect(world.llmOf(world.arrives({ max_wait_ms: 600_000 }))).toBe('good')
})

test('it is asked again once its time to recover is over', () => {
  const { world } = withOneDown()
  world.clock.runUntil(world.clock.now() + 60_000)
  expect(world.llmOf(world.arrives({ max_wait_ms: 600_000 }))).toBe('better')
})
