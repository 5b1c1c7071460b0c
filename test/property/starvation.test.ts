import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Event, InputData } from '../../src/core/events.ts'
import { GUARD_MS, type Limit, type LlmSpec, PRIORITIES, type Priority } from '../../src/core/types.ts'
import { limit, llm } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'
import { openWorld } from '../support/world.ts'

/** `LLB_TEST_RUNS=5000` makes it a campaign. */
const numRuns = Number(process.env.LLB_TEST_RUNS ?? 300)
const NEVER_MS = 1e10

interface Small {
  readonly client: string
  readonly priority: Priority
  readonly model: string
  /** Of the smallest limit of tokens, in thousandths. */
  readonly share: number
  readonly callMs: number
}

interface Crowd {
  readonly specs: readonly LlmSpec[]
  /** Requests that wait at any time beside the large one. */
  readonly waiting: number
  readonly smalls: readonly Small[]
  readonly share: number
  readonly priority: Priority
  readonly client: string
}

const period = fc.constantFrom(5_000, 10_000, 60_000)
const limits = fc
  .record({
    tokens: fc.integer({ min: 200, max: 5000 }),
    requests: fc.integer({ min: 3, max: 100 }),
    calls: fc.option(fc.integer({ min: 1, max: 4 })),
    perMs: fc.tuple(period, period),
    window: fc.constantFrom('sliding' as const, 'fixed' as const, 'bucket' as const, 'universal' as const),
    charge: fc.constantFrom('unknown' as const, 'reserve_trueup' as const),
  })
  .map(({ tokens, requests, calls, perMs, window, charge }): Limit[] => [
    limit('tokens', tokens, perMs[0], 'tokens', { window, charge }),
    limit('requests', requests, perMs[1], 'requests', { window }),
    ...(calls === null ? [] : [limit('concurrency', calls)]),
  ])

const specs = fc
  .tuple(
    fc.array(fc.record({ limits, quality: fc.nat({ max: 1000 }) }), { minLength: 1, maxLength: 3 }),
    fc.boolean(),
  )
  .map(([some, isShared]) => {
    const tokens = { ...some[0]!.limits[0]!, shared: 'account' }
    return some.map(({ limits, quality }, i) =>
      llm(`L${i}`, { quality, limits: isShared ? [tokens, ...limits.slice(1)] : limits }),
    )
  })

const small = fc.record({
  client: fc.constantFrom('whale', 'a', 'b'),
  priority: fc.constantFrom(...PRIORITIES),
  model: fc.constantFrom('auto', 'L0'),
  share: fc.integer({ min: 1, max: 100 }),
  callMs: fc.integer({ min: 1, max: 4000 }),
})

const crowds: fc.Arbitrary<Crowd> = fc.record({
  specs,
  waiting: fc.integer({ min: 1, max: 60 }),
  smalls: fc.array(small, { minLength: 1, maxLength: 30 }),
  share: fc.integer({ min: 500, max: 1000 }),
  priority: fc.constantFrom(...PRIORITIES),
  client: fc.constantFrom('whale', 'c'),
})

const MOST_CALL_MS = 4000
const tokensOf = ({ limits }: LlmSpec) => limits[0]!.amount

/** How long what was let in can count: its call, the window and the guard; some count the window before as well. */
function windowMs({ limits }: LlmSpec): number {
  const spans = limits.map(({ perMs, window }) => (window === 'universal' ? 2 * perMs : perMs))
  return Math.max(...spans) + GUARD_MS + MOST_CALL_MS
}

/** How long all of this takes on the LLM where it takes longest, alone. */
function clearMs(specs: readonly LlmSpec[], requests: number, tokens: number): number {
  const windows = ({ limits }: LlmSpec) =>
    limits.map(({ unit, amount }) => Math.ceil((unit === 'tokens' ? tokens : requests) / amount))
  return Math.max(...specs.map((spec) => Math.max(...windows(spec)) * windowMs(spec)))
}

/** When things happened to the large request, in ms since it came. */
interface Fate {
  /** Null when no room had to be kept. */
  readonly reservedMs: number | null
  /** Infinity when it did not start in ten times the time. */
  readonly startedMs: number
  /** All that waited when it came, itself included, was to be served by then. */
  readonly clearMs: number
  readonly windowMs: number
  /** Requests that waited when it came. */
  readonly older: number
}

/** Small requests come whenever fewer than so many wait; a large one comes among them. */
function fateOfLarge({ specs, waiting, smalls, share, priority, client }: Crowd): Fate {
  const world = openWorld({ specs })
  const { clock, balancer } = world
  const { queue } = balancer.state
  const [least, most] = [Math.min(...specs.map(tokensOf)), Math.max(...specs.map(tokensOf))]
  const callMs = new Map<string, number>()
  let [sent, seen] = [0, 0]
  const arrives = (tokens: number, rest: Partial<InputData['request.received']>) => {
    const input_tokens = Math.ceil(tokens / 2)
    const output_tokens = Math.floor(tokens / 2)
    return world.arrives({ input_tokens, output_tokens, max_wait_ms: NEVER_MS, ...rest })
  }
  const answer = () => {
    for (; seen < world.events.length; seen++) {
      const { type, request } = world.events[seen]!
      if (type !== 'request.dispatched') continue
      clock.setTimeout(() => world.finishes(request!), callMs.get(request!) ?? MOST_CALL_MS)
    }
  }
  const fill = () => {
    for (; queue.byId.size < waiting; sent++) {
      const { share: part, callMs: ms, ...rest } = smalls[sent % smalls.length]!
      callMs.set(balancer.nextRequestId(), ms)
      arrives(Math.ceil((least * part) / 1000), rest)
      answer()
    }
  }
  fill()
  const at = clock.now()
  const older = queue.byId.size
  const tokens = Math.floor((most * share) / 1000)
  const large = arrives(tokens, { priority, client })
  const before = [...queue.byId.values()].reduce(
    (sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens!,
    tokens,
  )
  const span = {
    older,
    clearMs: clearMs(specs, queue.byId.size + 1, before),
    windowMs: Math.max(...specs.map(windowMs)),
  }
  let reservedMs: number | null = null
  for (;;) {
    answer()
    if (world.llmOf(large) !== null) return { ...span, reservedMs, startedMs: clock.now() - at }
    if (balancer.state.reserved?.pending.id === large) reservedMs ??= clock.now() - at
    if (clock.now() - at > 10 * span.clearMs + 600_000)
      return { ...span, reservedMs, startedMs: Number.POSITIVE_INFINITY }
    fill()
    clock.runNext()
  }
}

test('a large request starts within two windows of its reservation, however many small ones come', () => {
  let reserved = 0
  const check = (crowd: Crowd) => {
    const { reservedMs, startedMs, clearMs: clear, windowMs: window, older } = fateOfLarge(crowd)
    // It is late a quarter of its expected wait and 2 s after it; if few pass it then, its room is kept a quarter of
    // that, or a minute, later. Room is kept for one at a time, and each that came before it may need that too.
    const lateMs = 1.25 * (1.25 * clear + 2_000) + 60_000
    expect(startedMs).toBeLessThanOrEqual(lateMs + 2 * window * (older + 1))
    if (reservedMs === null) return
    reserved++
    expect(startedMs - reservedMs).toBeLessThanOrEqual(2 * window)
  }
  fc.assert(fc.property(crowds, check), { numRuns, endOnFailure: true })
  expect(reserved).toBeGreaterThan(numRuns / 10)
})

test('nor does it wait behind others whose LLM is down', () => {
  const limits = [limit('tokens', 1000, 10_000)]
  const world = openWorld({ specs: [llm('Down', { limits }), llm('Up', { limits })] })
  world.fails(world.arrives({ model: 'Down' }), 'not_found')
  expect(world.statusOf('Down')).toBe('cooling')
  world.arrives({ model: 'Down', max_wait_ms: NEVER_MS })
  const arrives = (tokens: number) =>
    world.arrives({ model: 'Up', input_tokens: tokens, max_wait_ms: NEVER_MS })
  const { balancer, clock } = world
  const answer = ({ type, request }: Event) => {
    if (type === 'request.dispatched') clock.setTimeout(() => world.finishes(request!), 1000)
  }
  let seen = world.events.length
  while (balancer.state.queue.byId.size < 5) arrives(90)
  const large = arrives(990)
  while (world.llmOf(large) === null && clock.now() < START + 200_000) {
    while (balancer.state.queue.byId.size < 6) arrives(90)
    for (; seen < world.events.length; seen++) answer(world.events[seen]!)
    clock.runNext()
  }
  expect(world.statusOf('Down')).toBe('cooling')
  expect(world.llmOf(large)).toBe('Up')
})
