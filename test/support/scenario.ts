import fc from 'fast-check'
import type { Policy } from '../../src/core/dispatch-state.ts'
import type { EventOf, FailureClass, LimitReport } from '../../src/core/events.ts'
import {
  type Limit,
  type LlmSpec,
  PRIORITIES,
  type Priority,
  type Unit,
  type Weights,
} from '../../src/core/types.ts'
import { limit, llm } from './llms.ts'
import { openWorld, type World } from './world.ts'

/** What happens to one attempt of a request, by the order of its attempts. */
export interface Attempt {
  readonly serviceMs: number
  /** A streamed answer tells of limits at its head, a whole one at its end. */
  readonly streamed: boolean
  /** Shares of the reservation that are really used; null when the provider reports no usage. */
  readonly usage: { readonly input: number; readonly output: number } | null
  readonly failure: { class: FailureClass; retryAfterMs: number | null; delivered: boolean } | null
  /** What the provider says is left of a limit, as a share of the limit; null when it says nothing. */
  readonly remaining: number | null
}

export interface Arrival {
  readonly gapMs: number
  readonly client: string
  readonly model: string
  readonly inputTokens: number
  readonly outputTokens: number | null
  readonly bytes: number
  readonly priority: Priority
  readonly maxWaitMs: number
  readonly weights: Weights | null
  readonly leavesAfterMs: number | null
  readonly attempts: readonly Attempt[]
}

export interface Scenario {
  readonly specs: readonly LlmSpec[]
  readonly policy: Pick<
    Policy,
    'maxRequests' | 'maxBytes' | 'maxRequestsPerClient' | 'clientWeights' | 'maxAttempts' | 'weights'
  >
  readonly arrivals: readonly Arrival[]
}

export interface Kind {
  /** Largest share of a reservation that an answer may use; above 1, reservations are overrun. */
  readonly mostUsed: number
  /** Whether providers report that others used up their limits too. */
  readonly reports: boolean
  /** The longest queue; it may be set shorter. */
  readonly mostWaiting?: number
  /** The most that arrive; 40 where nothing is said. */
  readonly mostArrivals?: number
  /** Whether requests come faster than they are served and wait for long, so that a queue builds up. */
  readonly crowded?: boolean
  /** The most LLMs; 4 where nothing is said. */
  readonly mostLlms?: number
}

const weights: fc.Arbitrary<Weights> = fc
  .record({ cost: fc.nat({ max: 3 }), quality: fc.nat({ max: 3 }), speed: fc.nat({ max: 3 }) })
  .filter(({ cost, quality, speed }) => cost + quality + speed > 0)

function limitsOf(): fc.Arbitrary<Limit[]> {
  const of = (unit: Unit, most: number) =>
    fc.option(
      fc
        .record({ amount: fc.integer({ min: 1, max: most }), perMs: fc.integer({ min: 1, max: 6000 }) })
        .map(({ amount, perMs }) => limit(unit, amount, perMs)),
    )
  return fc
    .tuple(
      of('requests', 6),
      of('tokens', 300),
      of('input_tokens', 150),
      of('output_tokens', 150),
      of('concurrency', 3),
    )
    .map((some) => some.filter((one) => one !== null))
}

function specs(most: number): fc.Arbitrary<LlmSpec[]> {
  const one = fc.record({
    limits: limitsOf(),
    inputPicoUsd: fc.nat({ max: 5 }),
    outputPicoUsd: fc.nat({ max: 5 }),
    quality: fc.nat({ max: 1000 }),
    contextLength: fc.integer({ min: 50, max: 2000 }),
    apiType: fc.constantFrom('openai' as const, 'groq' as const, 'simulated' as const),
  })
  return fc
    .array(one, { minLength: 1, maxLength: most })
    .map((some) => some.map((rest, i) => llm(`L${i}`, rest)))
}

const FAILURES = [
  'rate_limited',
  'overloaded',
  'unreachable',
  'timeout',
  'server_error',
  'bad_request',
  'unauthorized',
  'not_found',
  'too_large',
  'internal',
] as const

/** Failures that leave an LLM in use. */
const PASSING = FAILURES.filter((name) => name !== 'unauthorized' && name !== 'not_found')

function seldom<T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: one })
}

function attempts({ mostUsed, reports, crowded }: Kind): fc.Arbitrary<Attempt> {
  const share = fc.constantFrom(0.1, 0.5, 1, mostUsed)
  const failure = fc.record({
    class: fc.constantFrom<FailureClass>(...(crowded ? PASSING : FAILURES)),
    retryAfterMs: fc.option(fc.nat({ max: 5000 })),
    delivered: fc.boolean(),
  })
  return fc.record({
    serviceMs: fc.nat({ max: 2000 }),
    streamed: fc.boolean(),
    usage: fc.option(fc.record({ input: share, output: share })),
    failure: crowded ? seldom(failure) : fc.option(failure, { freq: 3 }),
    remaining: reports ? fc.option(fc.constantFrom(0, 0.2, 0.5)) : fc.constant(null),
  })
}

/** Random LLMs, requests, service times, failures and clients that leave. */
export function scenarios(kind: Kind): fc.Arbitrary<Scenario> {
  const most = kind.mostWaiting ?? 1000
  const arrival = fc.record({
    gapMs: fc.oneof(fc.constant(0), fc.nat({ max: kind.crowded ? 100 : 1500 })),
    client: fc.constantFrom('a', 'a', 'b', 'c'),
    model: fc.constantFrom('auto', 'auto', 'auto', 'L0', 'L1'),
    inputTokens: fc.integer({ min: 1, max: 120 }),
    outputTokens: fc.option(fc.nat({ max: 120 })),
    bytes: fc.nat({ max: 100 }),
    priority: fc.constantFrom(...PRIORITIES),
    maxWaitMs: kind.crowded
      ? fc.integer({ min: 5000, max: 60_000 })
      : fc.oneof(fc.constant(0), fc.nat({ max: 10_000 })),
    weights: fc.option(weights),
    leavesAfterMs: kind.crowded ? fc.constant(null) : fc.option(fc.nat({ max: 5000 }), { freq: 4 }),
    attempts: fc.array(attempts(kind), { minLength: 1, maxLength: 4 }),
  })
  return fc.record({
    specs: specs(kind.mostLlms ?? 4),
    policy: fc.record({
      maxRequests: kind.crowded ? fc.constant(most) : fc.constantFrom(1, 3, most),
      maxBytes: kind.crowded ? fc.constant(1_000_000) : fc.constantFrom(150, 1_000_000),
      maxRequestsPerClient: kind.crowded ? fc.constant(1000) : fc.constantFrom(2, 1000),
      clientWeights: fc.constantFrom<Record<string, number>>({}, { b: 3 }, { b: 0.5, c: 2 }),
      maxAttempts: fc.integer({ min: 1, max: 3 }),
      weights,
    }),
    arrivals: fc.array(arrival, { minLength: 1, maxLength: kind.mostArrivals ?? 40, size: 'max' }),
  })
}

/** Plays a scenario on the actor system until nothing is left to happen; `look` is called after every step. */
export function play({ specs, policy, arrivals }: Scenario, look: (world: World) => void = () => {}): World {
  const world = openWorld({ specs, policy })
  const { clock, events } = world
  const plans = new Map<string, Arrival>()
  let heard = 0

  function hear(): void {
    for (; heard < events.length; heard++) {
      const event = events[heard]!
      if (event.type === 'request.dispatched') run(event)
    }
  }

  function run({ request, llm: name, data }: EventOf<'request.dispatched'>): void {
    const { attempts } = plans.get(request!)!
    const attempt = attempts[(data.attempt - 1) % attempts.length]!
    const still = () => world.balancer.state.running.get(request!)?.pending.attempts === data.attempt
    const limits = reportsOf(specs.find((spec) => spec.name === name)!, attempt)
    const half = Math.floor(attempt.serviceMs / 2)
    clock.setTimeout(() => {
      const started = { attempt: data.attempt, status: 200, headers_ms: half, limits }
      if (still() && attempt.streamed && attempt.failure === null)
        world.balancer.ingest('attempt.started', started, request, name)
    }, half)
    clock.setTimeout(() => {
      if (still()) end(request!, attempt, data.reserved, limits)
    }, attempt.serviceMs)
  }

  function end(
    request: string,
    { failure, usage, streamed }: Attempt,
    reserved: EventOf<'request.dispatched'>['data']['reserved'],
    limits: LimitReport[],
  ): void {
    if (failure !== null) {
      const { retryAfterMs: retry_after_ms, delivered } = failure
      return world.fails(request, failure.class, { retry_after_ms, delivered, limits })
    }
    const input = Math.ceil(reserved.input_tokens * (usage?.input ?? 0))
    const output = Math.ceil(reserved.output_tokens * (usage?.output ?? 0))
    world.finishes(request, usage && { input, output }, streamed ? [] : limits)
  }

  let at = clock.now()
  for (const arrival of arrivals) {
    at += arrival.gapMs
    clock.setTimeout(() => arrive(arrival), at - clock.now())
  }

  function arrive(arrival: Arrival): void {
    plans.set(world.balancer.nextRequestId(), arrival)
    const id = world.arrives({
      client: arrival.client,
      model: arrival.model,
      input_tokens: arrival.inputTokens,
      output_tokens: arrival.outputTokens,
      body_bytes: arrival.bytes,
      priority: arrival.priority,
      max_wait_ms: arrival.maxWaitMs,
      weights: arrival.weights,
    })
    if (arrival.leavesAfterMs === null) return
    clock.setTimeout(() => {
      const { running, queue } = world.balancer.state
      if (running.has(id) || queue.byId.has(id)) world.leaves(id)
    }, arrival.leavesAfterMs)
  }

  // A loop that feeds itself must fail, not hang.
  for (let steps = 0; clock.runNext(); steps++) {
    if (steps > 5000) throw new Error('the actors never come to rest')
    hear()
    look(world)
    if (world.fatal.length > 0) throw new Error(world.fatal[0])
  }
  return world
}

function reportsOf({ limits }: LlmSpec, { remaining }: Attempt): LimitReport[] {
  if (remaining === null) return []
  return limits
    .filter(({ unit }) => unit !== 'concurrency')
    .map(({ unit, perMs, amount }) => ({
      unit,
      per_ms: perMs,
      limit: amount,
      remaining: Math.floor(amount * remaining),
      reset_ms: Math.ceil(perMs / 2),
    }))
}
