import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limit, llm } from '../support/llms.ts'
import { openWorld, type World } from '../support/world.ts'

const WINDOW_MS = 60_500
const ON = { earlyRefusal: 'on' } as const

/** One LLM of so many requests a minute, which are used up. */
function used(requests: number, policy: Parameters<typeof openWorld>[0]['policy'] = ON): World {
  const world = openWorld({ specs: [llm('A', { limits: [limit('requests', requests)] })], policy })
  for (let i = 0; i < requests; i++) world.finishes(world.arrives())
  return world
}

const refusalOf = (world: World, request: string) =>
  world.all('request.rejected').find((event) => event.request === request)?.data

describe('a request that would wait too long', () => {
  test('is refused at once, with the limit, the wait and what to do', () => {
    const world = used(3)
    const request = world.arrives({ max_wait_ms: 20_000 })
    expect(refusalOf(world, request)).toEqual({
      status: 429,
      code: 'wait_too_long',
      message:
        'This request may wait for 20000 ms, but no LLM is expected to have room within 60500 ms; it would wait for requests_limit of A. Send it again in 40500 ms, or allow a longer wait with the header x-llb-max-wait or queue.max_wait.',
      retry_after_ms: 40_500,
    })
    expect(world.balancer.state.queue.byId.size).toBe(0)
  })

  test('is in time when it is sent again after the wait that it was told, and not before', () => {
    const waits = fc.record({
      requests: fc.integer({ min: 1, max: 3 }),
      sinceMs: fc.integer({ min: 0, max: 50_000 }),
      maxWaitMs: fc.integer({ min: 0, max: 40_000 }),
    })
    fc.assert(
      fc.property(waits, ({ requests, sinceMs, maxWaitMs }) => {
        const world = used(requests)
        world.clock.advance(sinceMs)
        const told = refusalOf(world, world.arrives({ max_wait_ms: maxWaitMs }))
        if (told === undefined) {
          expect(sinceMs + maxWaitMs).toBeGreaterThanOrEqual(WINDOW_MS)
          return
        }
        const waitMs = told.retry_after_ms!
        if (waitMs > 1000) {
          world.clock.advance(waitMs - 1)
          expect(refusalOf(world, world.arrives({ max_wait_ms: maxWaitMs }))?.retry_after_ms).toBe(1000)
          world.clock.advance(1)
        } else world.clock.advance(waitMs)
        const again = world.arrives({ max_wait_ms: maxWaitMs })
        world.clock.advance(maxWaitMs)
        expect(world.llmOf(again)).toBe('A')
      }),
    )
  })

  test('is refused however many are, as long as timers alone tell', () => {
    const world = used(3)
    const requests = Array.from({ length: 50 }, () => world.arrives({ max_wait_ms: 1000 }))
    expect(requests.every((request) => refusalOf(world, request) !== undefined)).toBe(true)
  })

  test('waits all the same when a fifth of what came was refused by prediction', () => {
    const world = used(2)
    for (let i = 0; i < 60; i++) world.arrives({ max_wait_ms: 3 * WINDOW_MS })
    const late = Array.from({ length: 60 }, () => world.arrives({ max_wait_ms: 3 * WINDOW_MS }))
    const refused = late.filter((request) => refusalOf(world, request) !== undefined)
    expect(refused.length).toBeGreaterThan(0)
    expect(world.all('request.rejected').length).toBeLessThanOrEqual(122 / 5)
    expect(world.balancer.state.queue.byId.size).toBe(120 - world.all('request.rejected').length)
  })

  test('is only noted in a dry run, and expires', () => {
    const world = used(3, { earlyRefusal: 'dry_run' })
    const request = world.arrives({ max_wait_ms: 20_000 })
    expect(world.all('request.queued')).toMatchObject([{ request, data: { would_refuse: true } }])
    world.clock.advance(20_000)
    expect(world.all('request.expired')).toMatchObject([{ request }])
  })

  test('expires when nothing is refused early', () => {
    const world = used(3, { earlyRefusal: 'off' })
    const request = world.arrives({ max_wait_ms: 20_000 })
    expect(world.all('request.queued')[0]!.data).not.toHaveProperty('would_refuse')
    world.clock.advance(20_000)
    expect(world.all('request.expired')).toMatchObject([{ request }])
  })

  test('is let wait where another of its LLMs may be in time', () => {
    const specs = [
      llm('A', { limits: [limit('requests', 1)] }),
      llm('B', { limits: [limit('requests', 1, 5000)] }),
    ]
    const world = openWorld({ specs, policy: ON })
    for (let i = 0; i < 2; i++) world.finishes(world.arrives())
    const request = world.arrives({ max_wait_ms: 20_000 })
    world.clock.advance(20_000)
    expect(world.llmOf(request)).toBe('B')
  })
})

describe('a request that comes again as it was told', () => {
  test('goes before those that came meanwhile and are due before it, and the log says why', () => {
    const world = used(1)
    const told = refusalOf(world, world.arrives({ max_wait_ms: 20_000 }))!.retry_after_ms!
    world.clock.advance(told)
    const meanwhile = world.arrives({ max_wait_ms: 20_100, input_tokens: 7 })
    world.clock.advance(1000)
    const again = world.arrives({ max_wait_ms: 20_000 })
    expect(world.all('request.queued').map(({ request, data }) => [request, data.came_again])).toEqual([
      [meanwhile, undefined],
      [again, true],
    ])
    expect([...world.balancer.state.queue.holders].map(({ id }) => id)).toEqual([again])
    world.clock.advance(20_000)
    expect([again, meanwhile].map((request) => world.llmOf(request))).toEqual(['A', null])
  })

  test('each at a time of its own, so that all of them are in time', () => {
    const world = used(1)
    const told = [7, 8, 9].map(
      (input_tokens) =>
        refusalOf(world, world.arrives({ max_wait_ms: 20_000, input_tokens }))!.retry_after_ms!,
    )
    expect(told.map((wait) => Math.round(wait / WINDOW_MS - told[0]! / WINDOW_MS))).toEqual([0, 1, 2])
    let passedMs = 0
    for (const [i, wait] of told.entries()) {
      world.clock.advance(wait - passedMs)
      const again = world.arrives({ max_wait_ms: 20_000, input_tokens: 7 + i })
      world.clock.advance(20_000)
      passedMs = wait + 20_000
      expect(world.llmOf(again)).toBe('A')
      world.finishes(again)
    }
  })

  test('is never told a time before which it could be in time, nor sooner than who was told before', () => {
    const waits = fc.record({
      requests: fc.integer({ min: 1, max: 3 }),
      maxWaitMs: fc.integer({ min: 0, max: 30_000 }),
      count: fc.integer({ min: 1, max: 12 }),
    })
    fc.assert(
      fc.property(waits, ({ requests, maxWaitMs, count }) => {
        const world = used(requests)
        const told = Array.from(
          { length: count },
          (_, i) =>
            refusalOf(world, world.arrives({ max_wait_ms: maxWaitMs, input_tokens: i + 1 }))!.retry_after_ms!,
        )
        for (const [i, wait] of told.entries()) {
          expect(wait).toBeGreaterThanOrEqual(WINDOW_MS - maxWaitMs)
          expect(wait).toBeLessThanOrEqual((i + 1) * WINDOW_MS)
          if (i > 0) expect(wait).toBeGreaterThanOrEqual(told[i - 1]!)
        }
      }),
    )
  })
})
