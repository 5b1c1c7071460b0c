import { describe, expect, test } from 'vitest'
import { limit, llm, startOf } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'
import { openWorld } from '../support/world.ts'

const GUARD_MS = 500
const since = (at: number) => at - START

describe('an LLM that has used up a limit', () => {
  test('is available again in the very millisecond in which the window lets go', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('requests', 1, 1000)] })] })
    world.finishes(world.arrives())
    const waiting = world.arrives()
    expect(world.statusOf('A')).toBe('exhausted')
    world.clock.advance(1000 + GUARD_MS - 1)
    expect(world.llmOf(waiting)).toBeNull()
    world.clock.advance(1)
    expect(world.llmOf(waiting)).toBe('A')
    const [dispatched] = world.all('request.dispatched').slice(-1)
    expect(dispatched!.data).toMatchObject({ wait_ms: 1500, waited_for: 'requests_limit of A' })
  })

  test('wakes for the least that waits, not for the first that was passed over', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('tokens', 100, 1000)] })] })
    const first = world.arrives({ input_tokens: 60, output_tokens: 0 })
    world.finishes(first, { input: 60, output: 0 })
    world.clock.advance(100)
    const second = world.arrives({ input_tokens: 30, output_tokens: 0 })
    world.finishes(second, { input: 30, output: 0 })
    const large = world.arrives({ input_tokens: 95, output_tokens: 0 })
    const small = world.arrives({ input_tokens: 50, output_tokens: 0 })
    world.clock.runUntil(START + 1500)
    expect(world.llmOf(small)).toBe('A')
    expect(world.llmOf(large)).toBeNull()
  })

  test('waits without a timer for the end of a call where only that makes room', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('concurrency', 1)] })] })
    const running = world.arrives()
    const waiting = world.arrives()
    expect(world.all('llm.exhausted').at(-1)!.data).toEqual({ limit: 'concurrency_limit', until: null })
    expect(world.clock.armed()).toBe(1)
    world.finishes(running)
    expect(world.llmOf(waiting)).toBe('A')
  })

  test('is put off by what others used, without making those wait whom that does not concern', () => {
    const limits = [limit('input_tokens', 100, 1000), limit('output_tokens', 100, 1000)]
    const world = openWorld({ specs: [llm('A', { limits })] })
    world.finishes(world.arrives({ input_tokens: 80, output_tokens: 0 }), { input: 80, output: 0 })
    world.clock.advance(100)
    world.finishes(world.arrives({ input_tokens: 1, output_tokens: 80 }), { input: 1, output: 80 })
    const running = world.arrives({ input_tokens: 1, output_tokens: 1 })
    const asks = world.arrives({ input_tokens: 90, output_tokens: 1 })
    const writes = world.arrives({ input_tokens: 1, output_tokens: 60 })
    const used = { unit: 'input_tokens' as const, per_ms: 1000, limit: 100, remaining: 0, reset_ms: 1000 }
    world.clock.runUntil(START + 1000)
    const started = { attempt: 1, status: 200, headers_ms: 1, limits: [used] }
    world.balancer.ingest('attempt.started', started, running, 'A')
    world.clock.runUntil(START + 1600)
    expect(
      since(world.all('request.dispatched').findLast(({ request }) => request === writes)?.at ?? 0),
    ).toBe(1600)
    expect(world.llmOf(asks)).toBeNull()
  })

  test('still takes a waiting request that outgrew the limit: it asks for all of it', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('input_tokens', 100, 1000)] })] })
    const running = world.arrives({ input_tokens: 30, output_tokens: 0 })
    const waiting = world.arrives({ input_tokens: 90, output_tokens: 0, max_wait_ms: 5000 })
    // The provider counts 30 more than was estimated, so the 90 will be 120.
    world.finishes(running, { input: 60, output: 0 })
    world.clock.advance(1500)
    expect(world.balancer.state.running.get(waiting)?.cost.inputTokens).toBe(100)
  })
})

describe('an LLM that failed', () => {
  test('is asked again at the end of the wait its provider named, and not before', () => {
    const world = openWorld({ specs: [llm('A')] })
    const request = world.arrives()
    world.fails(request, 'rate_limited', { retry_after_ms: 7000 })
    expect(world.statusOf('A')).toBe('cooling')
    expect(world.all('llm.cooling')[0]!.data).toEqual({
      because: 'rate_limited',
      message: 'no',
      until: START + 7000,
    })
    world.clock.advance(6999)
    expect(world.balancer.state.running.size).toBe(0)
    world.clock.advance(1)
    expect(world.balancer.state.running.has(request)).toBe(true)
    expect(world.all('llm.available').at(-1)!.data).toEqual({ after: 'cooling', ms: 7000 })
  })

  test('cools for the longer of two waits that were named', () => {
    const world = openWorld({ specs: [llm('A')] })
    const [one, two] = [world.arrives(), world.arrives()]
    world.fails(one!, 'rate_limited', { retry_after_ms: 9000 })
    world.fails(two!, 'rate_limited', { retry_after_ms: 1000 })
    world.clock.advance(8999)
    expect(world.statusOf('A')).toBe('cooling')
    world.clock.advance(1)
    expect(world.statusOf('A')).toBe('available')
  })

  test('is left alone for longer every time, and starts afresh after an answer', () => {
    const world = openWorld({ specs: [llm('A')] })
    const pauses = () => world.all('llm.cooling').map(({ at, data }) => data.until - at)
    const request = world.arrives({ max_wait_ms: 600_000 })
    for (let i = 0; i < 5; i++) {
      world.fails(request, 'overloaded')
      world.clock.runUntil(world.all('llm.cooling').at(-1)!.data.until)
    }
    expect(pauses()).toEqual([2000, 5000, 15_000, 60_000, 60_000])
    world.finishes(request)
    world.fails(world.arrives(), 'overloaded')
    expect(pauses().at(-1)).toBe(2000)
  })

  test('is switched off for good by a rejected key', () => {
    const world = openWorld({ specs: [llm('A')] })
    const request = world.arrives()
    world.fails(request, 'unauthorized')
    expect(world.statusOf('A')).toBe('disabled')
    expect(world.all('request.failed')).toHaveLength(1)
    const next = world.arrives()
    expect(world.all('request.rejected')[0]).toMatchObject({
      request: next,
      data: { status: 503, code: 'no_llm_enabled' },
    })
  })

  test('and was the last that a waiting request could go to, has it refused at once', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('concurrency', 1)] }), llm('B')] })
    const running = world.arrives({ model: 'A' })
    const stranded = world.arrives({ model: 'A' })
    world.fails(running, 'unauthorized')
    const [rejected] = world.all('request.rejected')
    expect(rejected).toMatchObject({ request: stranded, data: { status: 503, code: 'no_llm_enabled' } })
    expect(world.clock.armed()).toBe(0)
  })

  test('takes nothing while it cools, even from a call that ends then', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('concurrency', 2)] })] })
    const [one, two] = [world.arrives(), world.arrives()]
    world.fails(one!, 'overloaded')
    world.finishes(two!)
    expect(world.balancer.state.running.size).toBe(0)
    expect(world.statusOf('A')).toBe('cooling')
  })
})

describe('an LLM actor that crashes', () => {
  /** A limit that cannot be read once, which only a bug could bring about. */
  function withBug(name: string) {
    const start = startOf(llm(name, { limits: [limit('requests', 5)] }), START)
    let broken = false
    const account = {
      most: start.account.most,
      get ledgers() {
        if (!broken) return start.account.ledgers
        broken = false
        throw new Error('a bug')
      },
    }
    const breakNow = () => {
      broken = true
    }
    return { llm: { ...start, account }, breakNow }
  }

  test('is replaced over the same ledgers, and the log tells', () => {
    const { llm: bad, breakNow } = withBug('A')
    const world = openWorld({ specs: [bad.spec], llms: [bad] })
    const request = world.arrives()
    const before = world.balancer.views[0]!.account.ledgers[0]
    breakNow()
    world.balancer.ingest(
      'attempt.started',
      {
        attempt: 1,
        status: 200,
        headers_ms: 1,
        limits: [{ unit: 'requests', per_ms: null, limit: 5, remaining: 1, reset_ms: null }],
      },
      request,
      'A',
    )
    expect(world.all('llm.crashed')).toMatchObject([{ llm: 'A', data: { message: 'a bug' } }])
    expect(world.fatal).toEqual([])
    expect(world.balancer.views[0]!.account.ledgers[0]).toBe(before)
    world.finishes(request)
    expect(world.all('request.completed')).toHaveLength(1)
    expect(world.llmOf(world.arrives())).toBe('A')
  })

  test('a timer of the one that crashed does not wake its successor', () => {
    const { llm: bad, breakNow } = withBug('A')
    const world = openWorld({ specs: [bad.spec], llms: [bad] })
    const one = world.arrives()
    const two = world.arrives()
    world.fails(one, 'bad_request', {})
    world.fails(two, 'rate_limited', { retry_after_ms: 5000 })
    const three = world.arrives({ max_wait_ms: 1000 })
    breakNow()
    world.leaves(three)
    world.clock.advance(10_000)
    expect(world.fatal).toEqual([])
    expect(world.clock.armed()).toBe(0)
  })
})

test('a bug in the dispatcher ends the process, with its message', () => {
  const world = openWorld({ specs: [llm('A')] })
  world.balancer.ingest('request.received', null as never, 'req')
  expect(world.fatal).toHaveLength(1)
})
