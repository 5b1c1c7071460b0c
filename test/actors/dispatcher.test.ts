import { describe, expect, test } from 'vitest'
import { GUARD_MS } from '../../src/core/types.ts'
import { limit, llm } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'
import { openWorld, type World } from '../support/world.ts'

/** The decisions about one request, in order. */
const storyOf = ({ events }: World, request: string) =>
  events
    .filter((event) => event.request === request && event.type.startsWith('request.'))
    .map(({ type }) => type)

const onceAt = (name: string) => llm(name, { limits: [limit('concurrency', 1)] })

describe('a request', () => {
  test('goes at once to an LLM with room', () => {
    const world = openWorld({ specs: [llm('A')] })
    const request = world.arrives()
    world.finishes(request, { input: 12, output: 3 })
    expect(storyOf(world, request)).toEqual(['request.received', 'request.dispatched', 'request.completed'])
    expect(world.all('request.completed')[0]!.data).toMatchObject({
      attempts: 1,
      input_tokens: 12,
      output_tokens: 3,
      estimated: false,
    })
  })

  test('of which no usage is reported is charged what was set aside', () => {
    const world = openWorld({ specs: [llm('A', { inputPicoUsd: 1500 })] })
    world.finishes(world.arrives({ input_tokens: 3, output_tokens: 7 }))
    expect(world.all('request.completed')[0]!.data).toMatchObject({
      input_tokens: 3,
      output_tokens: 7,
      estimated: true,
      cost_nano_usd: 5,
    })
  })

  test('that may not wait is served where there is room, whatever else waits', () => {
    const world = openWorld({ specs: [onceAt('A'), llm('B')] })
    world.arrives({ model: 'A' })
    world.arrives({ model: 'A' })
    const request = world.arrives({ model: 'B', max_wait_ms: 0 })
    expect(world.llmOf(request)).toBe('B')
  })

  test('that may not wait and has no room is told for what it would have waited', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('requests', 1, 1000)] })] })
    world.arrives()
    world.arrives({ max_wait_ms: 0 })
    expect(world.all('request.expired').map(({ data }) => data)).toEqual([
      { wait_ms: 0, waited_for: 'requests_limit of A', retry_after_ms: 1500 },
    ])
  })

  test('is served at the very instant of its deadline, if room comes back then', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('requests', 1, 1000)] })] })
    world.finishes(world.arrives())
    const request = world.arrives({ max_wait_ms: 1500 })
    world.clock.advance(1500)
    expect(world.llmOf(request)).toBe('A')
  })

  test('passes a queue that is full of others where it need not wait', () => {
    const world = openWorld({ specs: [onceAt('A'), llm('B')], policy: { maxRequests: 1 } })
    world.arrives({ model: 'A' })
    world.arrives({ model: 'A' })
    expect(world.llmOf(world.arrives({ model: 'B' }))).toBe('B')
    world.arrives({ model: 'A' })
    expect(world.all('request.rejected').map(({ data }) => data.code)).toEqual(['queue_full'])
  })

  test('is refused when what waits has too many bytes', () => {
    const world = openWorld({ specs: [onceAt('A')], policy: { maxBytes: 150 } })
    world.arrives({ body_bytes: 100 })
    world.arrives({ body_bytes: 100 })
    world.arrives({ body_bytes: 51 })
    expect(world.all('request.rejected')[0]!.data).toMatchObject({
      code: 'queue_full',
      message: expect.stringContaining('queue.max_bytes is 150'),
    })
  })
})

describe('a request whose attempt failed', () => {
  test('goes to another LLM, and not to the one that failed it', () => {
    const world = openWorld({ specs: [llm('A', { quality: 900 }), llm('B')] })
    const request = world.arrives()
    world.fails(request, 'server_error')
    expect(world.llmOf(request)).toBe('B')
    world.fails(request, 'server_error')
    expect(world.all('request.failed')[0]!.data).toMatchObject({ attempts: 2, status: 502 })
  })

  test('goes to another LLM at once, though its call outlasted the wait it allows', () => {
    const world = openWorld({ specs: [llm('A', { quality: 900 }), llm('B')] })
    const request = world.arrives({ max_wait_ms: 1000 })
    world.clock.advance(5000)
    world.fails(request, 'timeout')
    expect(world.llmOf(request)).toBe('B')
    expect(world.all('request.expired')).toEqual([])
  })

  test('does not go to and fro for ever between LLMs that lack capacity once its wait is over', () => {
    const world = openWorld({ specs: [llm('A'), llm('B')], policy: { maxAttempts: 3 } })
    const request = world.arrives({ max_wait_ms: 0 })
    for (let i = 0; i < 3; i++) {
      world.clock.advance(500)
      world.fails(request, 'rate_limited', { retry_after_ms: 500 })
    }
    expect(world.all('request.dispatched').map((event) => event.llm)).toEqual(['A', 'B', 'A'])
    expect(world.all('request.expired')).toHaveLength(1)
  })

  test('comes before those that never ran', () => {
    const world = openWorld({ specs: [onceAt('A')] })
    const first = world.arrives()
    world.arrives()
    world.fails(first, 'rate_limited', { retry_after_ms: 1000 })
    world.clock.advance(1000)
    expect(world.all('request.dispatched').at(-1)!.request).toBe(first)
  })

  test('is not tried on more LLMs than allowed', () => {
    const specs = ['A', 'B', 'C'].map((name) => llm(name))
    const world = openWorld({ specs, policy: { maxAttempts: 2 } })
    const request = world.arrives()
    world.fails(request, 'timeout')
    world.fails(request, 'timeout')
    expect(world.all('request.failed')[0]!.data).toMatchObject({ attempts: 2, code: 'upstream_timeout' })
  })

  test('is not tried again once some of an answer was delivered, and is charged', () => {
    const world = openWorld({ specs: [llm('A', { outputPicoUsd: 1000 }), llm('B')] })
    const request = world.arrives({ model: 'A' })
    world.fails(request, 'interrupted', { delivered: true })
    expect(world.all('request.failed')[0]!.data).toMatchObject({ attempts: 1, cost_nano_usd: 10 })
  })
})

describe('a simulated LLM', () => {
  const specs = [
    llm('Sim', { apiType: 'simulated', simulated: null, quality: 1000 }),
    llm('Real', { limits: [limit('concurrency', 1)], quality: 0 }),
  ]

  test('serves auto only while no real one can be reached', () => {
    const world = openWorld({ specs })
    const real = world.arrives()
    const waiting = world.arrives()
    expect([world.llmOf(real), world.llmOf(waiting)]).toEqual(['Real', null])
    world.fails(real, 'unreachable')
    expect([world.llmOf(real), world.llmOf(waiting)]).toEqual(['Sim', 'Sim'])
  })

  test('serves who asks for it by name', () => {
    const world = openWorld({ specs })
    expect(world.llmOf(world.arrives({ model: 'Sim' }))).toBe('Sim')
  })

  test('serves auto where every real one has no key', () => {
    const world = openWorld({ specs, disabled: { Real: 'REAL_KEY is not set' } })
    expect(world.llmOf(world.arrives())).toBe('Sim')
  })
})

describe('a client that leaves', () => {
  test('is taken out of the queue, and its timer with it', () => {
    const world = openWorld({ specs: [onceAt('A')] })
    const running = world.arrives()
    const waiting = world.arrives()
    world.leaves(waiting)
    expect(world.balancer.state.queue.byId.size).toBe(0)
    expect(world.clock.armed()).toBe(0)
    world.finishes(running)
    expect(storyOf(world, waiting).at(-1)).toBe('request.abandoned')
  })

  test('gives its place to the next as soon as its provider must know of it', () => {
    const world = openWorld({ specs: [onceAt('A')] })
    const running = world.arrives()
    const waiting = world.arrives()
    world.leaves(running)
    expect(world.all('llm.exhausted').at(-1)!.data.limit).toBe('concurrency_limit')
    world.clock.advance(GUARD_MS - 1)
    expect(world.llmOf(waiting)).toBeNull()
    world.clock.advance(1)
    expect(world.llmOf(waiting)).toBe('A')
  })

  test('has nothing more decided about it, even if its call still ends', () => {
    const world = openWorld({ specs: [llm('A')] })
    const request = world.arrives()
    world.leaves(request)
    const before = world.events.length
    const late = { attempt: 1, status: 200, finish_reason: 'stop', first_byte_ms: 1, duration_ms: 1 }
    const answer = { ...late, usage: null, limits: [], output_bytes: 0 }
    world.balancer.ingest('attempt.finished', answer, request, 'A')
    expect(world.events).toHaveLength(before + 1)
  })
})

test('a process that drains refuses what waits and what comes, and lets finish what runs', () => {
  const world = openWorld({ specs: [onceAt('A')] })
  const running = world.arrives()
  const waiting = world.arrives()
  world.balancer.ingest('process.stopping', { reason: 'SIGTERM', drain_ms: 1000 })
  const late = world.arrives()
  world.balancer.ingest('process.stopping', { reason: 'SIGTERM', drain_ms: 1000 })
  expect(world.all('request.rejected').map(({ request, data }) => [request, data.code])).toEqual([
    [waiting, 'shutting_down'],
    [late, 'shutting_down'],
  ])
  world.finishes(running)
  expect(storyOf(world, running).at(-1)).toBe('request.completed')
  expect(world.clock.armed()).toBe(0)
})

test('a process that drains ends what is not finished in time', () => {
  const world = openWorld({ specs: [llm('A')] })
  const running = world.arrives()
  world.balancer.ingest('process.stopping', { reason: 'SIGTERM', drain_ms: 1000 })
  world.clock.advance(999)
  expect(world.all('request.failed')).toEqual([])
  world.clock.advance(1)
  expect(world.all('request.failed').map(({ request, data }) => [request, data.status, data.code])).toEqual([
    [running, 503, 'shutting_down'],
  ])
  expect(world.clock.armed()).toBe(0)
})

test('a balancer that stops leaves no timer behind', () => {
  const world = openWorld({ specs: [llm('A', { limits: [limit('requests', 1)] }), llm('B')] })
  world.fails(world.arrives({ model: 'B' }), 'rate_limited')
  world.arrives({ model: 'A' })
  world.arrives({ model: 'A' })
  expect(world.clock.armed()).toBe(3)
  world.balancer.stop()
  expect(world.clock.armed()).toBe(0)
})

describe('bounds on quality and price', () => {
  const specs = [
    llm('cheap', { quality: 300, inputPicoUsd: 1_000_000 }),
    llm('good', { quality: 900, inputPicoUsd: 100_000_000 }),
  ]
  const rules = [
    { pattern: 'worthy', llms: null, weights: null, bounds: { minQuality: 500, maxCostNanoUsd: null } },
  ]

  test('leave LLMs out, those of the request and those of the name it asks for', () => {
    const world = openWorld({ specs, policy: { rules } })
    expect(world.llmOf(world.arrives({ min_quality: 301 }))).toBe('good')
    expect(world.llmOf(world.arrives({ max_cost_nano_usd: 10_000 }))).toBe('cheap')
    expect(world.llmOf(world.arrives({ model: 'worthy' }))).toBe('good')
  })

  test('refuse at once what they leave no LLM to, and say why', () => {
    const world = openWorld({ specs, policy: { rules } })
    world.arrives({ model: 'worthy', max_cost_nano_usd: 10_000 })
    expect(world.all('request.rejected')[0]!.data).toMatchObject({
      status: 400,
      code: 'out_of_bounds',
      message: expect.stringContaining(
        '(cheap: its quality 0.3 does not reach min_quality 0.5; good: it may cost 0.001 USD, more than max_cost 0.00001 USD)',
      ),
    })
  })
})

test('who waits for a daily limit starts when it is back, though the first request of that day comes just then', () => {
  const DAY_MS = 86_400_000
  const perDay = { ...limit('requests', 1, DAY_MS), window: 'calendar', timeZone: 'UTC' } as const
  const open = (comesAt: number | null) => {
    const world = openWorld({ specs: [llm('A', { limits: [perDay] })] })
    if (comesAt !== null) world.clock.setTimeout(() => world.arrives({ model: 'nobody' }), comesAt - START)
    world.finishes(world.arrives())
    return { world, waiting: world.arrives({ max_wait_ms: DAY_MS }) }
  }
  const backAt = open(null).world.balancer.views[0]!.wakeAt
  const { world, waiting } = open(backAt)
  world.clock.runUntil(backAt)
  expect(world.llmOf(waiting)).toBe('A')
})
