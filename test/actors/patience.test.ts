import { describe, expect, test } from 'vitest'
import { limit, llm } from '../support/llms.ts'
import { openWorld, type World } from '../support/world.ts'

const MINUTE_MS = 60_000
const COST = { cost: 1, quality: 0, speed: 0 }
const SPEED = { cost: 0, quality: 0, speed: 1 }

/** A free LLM for ten a minute beside a paid one for a hundred. */
const SPECS = [
  llm('free', { limits: [limit('requests', 10, MINUTE_MS)] }),
  llm('paid', {
    limits: [limit('requests', 100, MINUTE_MS)],
    inputPicoUsd: 1000,
    outputPicoUsd: 1000,
  }),
]

type Arrival = Parameters<World['arrives']>[0]

/** Lets time run until nothing waits; answers come at once. Returns how many went to the paid one, and how many expired. */
function served(...bursts: { readonly count: number; readonly request: Arrival }[]) {
  const world = openWorld({ specs: SPECS })
  for (const { count, request } of bursts) for (let i = 0; i < count; i++) world.arrives(request)
  let heard = 0
  do {
    for (; heard < world.events.length; heard++) {
      const { type, request } = world.events[heard]!
      if (type === 'request.dispatched') world.finishes(request!)
    }
  } while (world.balancer.state.queue.byId.size > 0 && world.clock.runNext())
  const paid = world.all('request.dispatched').filter((event) => event.llm === 'paid')
  return { paid: paid.length, expired: world.all('request.expired').length }
}

const burst = (count: number, waitMs: number, weights = COST) => ({
  count,
  request: { max_wait_ms: waitMs, weights },
})

describe('many requests that count no speed', () => {
  test('pay for nothing that the free LLM does within their wait', () => {
    expect(served(burst(60, 10 * MINUTE_MS))).toEqual({ paid: 0, expired: 0 })
  })

  test('pay for what it does not, and all are in time', () => {
    const { paid, expired } = served(burst(60, 3.5 * MINUTE_MS))
    expect(expired).toBe(0)
    // It does 40 in that time, 10 of them in the last window.
    expect(paid).toBeGreaterThanOrEqual(20)
    expect(paid).toBeLessThanOrEqual(32)
  })

  test('all pay if there is no time to wait', () => {
    expect(served(burst(60, 1_000)).expired).toBe(0)
  })

  test('leave it to those who may not wait as long to be in time, and they to those', () => {
    const long = burst(40, 20 * MINUTE_MS)
    const larger = { ...long, request: { ...long.request, input_tokens: 900 } }
    const { paid, expired } = served(burst(40, MINUTE_MS), larger)
    expect(expired).toBe(0)
    // The free one does 10 of those that have a minute.
    expect(paid).toBeGreaterThanOrEqual(30)
    expect(paid).toBeLessThanOrEqual(45)
  })

  test('wait beside others that count speed, which do not', () => {
    const { paid, expired } = served(burst(40, 20 * MINUTE_MS), burst(40, 20 * MINUTE_MS, SPEED))
    expect(expired).toBe(0)
    expect(paid).toBeGreaterThan(20)
    expect(paid).toBeLessThanOrEqual(45)
  })
})
