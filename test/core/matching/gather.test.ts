import { describe, expect, test } from 'vitest'
import { limit, llm } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'
import { openWorld, type World } from '../../support/world.ts'

const GATHERED_MS = 20
/** Once nothing more has come for as long, they start. */
const PAUSE_MS = 5
const specs = [llm('A', { limits: [limit('requests', 40)] })]

/** A world in which so many requests of the 40 a minute are used up. */
function withUsed(count: number): World {
  const world = openWorld({ specs })
  for (let i = 0; i < count; i++) {
    world.arrives()
    world.clock.advance(10)
  }
  return world
}

const startsOf = (world: World, ids: readonly string[]) =>
  ids.map((id) => world.all('request.dispatched').find(({ request }) => request === id)?.at ?? null)

const burst = (world: World, count: number) => Array.from({ length: count }, () => world.arrives())

describe('requests that come together while room is scarce', () => {
  test('are held back from the fourth on, and start together once no more come', () => {
    const world = withUsed(6)
    const at = world.clock.now()
    const requests = burst(world, 6)
    expect(startsOf(world, requests)).toEqual([at, at, at, null, null, null])
    world.clock.advance(PAUSE_MS - 1)
    expect(startsOf(world, requests.slice(3))).toEqual([null, null, null])
    world.clock.advance(1)
    const start = at + PAUSE_MS
    expect(startsOf(world, requests.slice(3))).toEqual([start, start, start])
  })

  test('are told so', () => {
    const world = withUsed(6)
    burst(world, 4)
    expect(world.all('request.queued').map(({ data }) => data.waiting_for)).toEqual(['the rest of its burst'])
  })

  test('are told the limit where not even the burst before them leaves them room', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('requests', 5)] })] })
    burst(world, 7)
    const limitOfA = 'requests_limit of A'
    expect(world.all('request.queued').map(({ data }) => data.waiting_for)).toEqual([
      ...['the rest of its burst', 'the rest of its burst'],
      ...[limitOfA, limitOfA],
    ])
  })

  test('are refused for the limit in the end, not for their burst', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('requests', 5)] })] })
    burst(world, 3)
    const patient = world.arrives({ max_wait_ms: 30_000 })
    for (let i = 0; i < 2; i++) world.arrives({ max_wait_ms: 20_000 })
    world.clock.advance(30_000)
    expect(world.all('request.expired')).toMatchObject([
      { request: patient, data: { waited_for: 'requests_limit of A' } },
    ])
  })

  test('are held no longer because more of them come', () => {
    const world = withUsed(6)
    const at = world.clock.now()
    const [, , , first] = burst(world, 4)
    for (let ms = 4; ms <= GATHERED_MS; ms += 4) {
      world.clock.advance(4)
      world.arrives()
    }
    expect(startsOf(world, [first!])).toEqual([at + GATHERED_MS])
  })

  test('are served by who is due first, not by who came first', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('requests', 5)] })] })
    burst(world, 3)
    const [patient, hasty] = [world.arrives(), world.arrives({ max_wait_ms: 30_000 })]
    const last = world.arrives({ max_wait_ms: 20_000 })
    world.clock.advance(GATHERED_MS)
    expect([world.llmOf(last), world.llmOf(hasty), world.llmOf(patient)]).toEqual(['A', 'A', null])
  })

  test('start though the LLM has gone to sleep for a larger one meanwhile', () => {
    const world = openWorld({ specs: [llm('A', { limits: [limit('tokens', 100)] })] })
    for (let i = 0; i < 3; i++) world.arrives({ input_tokens: 10, output_tokens: 10 })
    const small = world.arrives({ input_tokens: 10, output_tokens: 10 })
    world.arrives({ input_tokens: 90, output_tokens: 0 })
    expect(world.statusOf('A')).toBe('exhausted')
    world.clock.advance(GATHERED_MS)
    expect(world.llmOf(small)).toBe('A')
  })
})

describe('a request starts at once', () => {
  test('that comes alone, however scarce room is', () => {
    const world = withUsed(39)
    const request = world.arrives()
    expect(world.llmOf(request)).toBe('A')
  })

  test('that comes more than 5 ms after the one before', () => {
    const world = withUsed(6)
    for (let i = 0; i < 8; i++) {
      world.clock.advance(6)
      expect(world.llmOf(world.arrives())).toBe('A')
    }
  })

  test('of a burst while less than an eighth of every limit is used', () => {
    const world = openWorld({ specs })
    expect(startsOf(world, burst(world, 6))).toEqual(Array.from({ length: 6 }, () => START))
    expect(world.llmOf(world.arrives())).toBeNull()
  })

  test('of a burst that may not wait that long', () => {
    const world = withUsed(6)
    burst(world, 3)
    const request = world.arrives({ max_wait_ms: GATHERED_MS - 1 })
    expect(world.llmOf(request)).toBe('A')
  })
})

test('no timer is left when a burst was served', () => {
  const world = openWorld({ specs: [llm('A', { limits: [limit('concurrency', 8)] })] })
  burst(world, 6)
  expect(world.clock.armed()).toBe(1)
  world.clock.advance(GATHERED_MS)
  expect([world.balancer.state.queue.byId.size, world.clock.armed()]).toEqual([0, 0])
})
