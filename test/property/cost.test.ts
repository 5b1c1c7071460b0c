import { expect, test } from 'vitest'
import { limit, llm } from '../support/llms.ts'
import { openWorld } from '../support/world.ts'

/** CPU time in ms that `waiting` requests take to arrive, each of them passed over. */
function arrivalMs(waiting: number, sizeOf: (i: number) => number): number {
  const limits = [limit('tokens', 100_000, 60_000)]
  const world = openWorld({ specs: [llm('A', { limits, contextLength: 1_000_000 })], policy: ROOMY })
  world.arrives({ input_tokens: 99_999, output_tokens: 1 })
  const before = process.cpuUsage()
  for (let i = 0; i < waiting; i++) world.arrives({ input_tokens: 10, output_tokens: sizeOf(i) })
  const { user, system } = process.cpuUsage(before)
  expect(world.balancer.state.queue.byId.size).toBe(waiting)
  return (user + system) / 1000
}

const ROOMY = { maxRequests: 100_000, maxRequestsPerClient: 100_000 }
const N = 20_000
const orders: Record<string, (i: number) => number> = {
  'all the same': () => 5000,
  'ever larger': (i) => 1000 + i,
  'ever smaller': (i) => 60_000 - i,
}

test.each(Object.entries(orders))('arrivals cost the same however many wait: %s', (_, sizeOf) => {
  const least = (waiting: number) => Math.min(...[1, 2, 3].map(() => arrivalMs(waiting, sizeOf)))
  const [few, many] = [least(N / 4), least(N)]
  // Four times as many; a cost that grows with the queue would take sixteen times as long.
  expect(many / few).toBeLessThan(9)
})
