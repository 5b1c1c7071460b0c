import { announce } from '../actors/announce.ts'
import { type Balancer, createBalancer } from '../actors/balancer.ts'
import type { Policy } from '../core/dispatch-state.ts'
import { type Event, type EventType, type InputData, TERMINAL_TYPES } from '../core/events.ts'
import { createRandom } from '../core/random.ts'
import { recover } from '../core/recover.ts'
import type { Arrival } from './arrivals.ts'
import { createCalls } from './calls.ts'
import { createVirtualClock, START, type VirtualClock } from './clock.ts'
import { createProvider, type Provider, type ProviderSpec } from './provider.ts'

/** Looks on while a world runs. */
export interface Observer {
  /** An event was recorded; what it leads to has not happened yet. */
  event?(event: Event): void
  /** A step is over: the actors are at rest. */
  turn?(): void
}

export interface WorldSetup {
  /** Seed of travel times, latencies and faults. */
  readonly seed: number
  /** The LLMs as the balancer knows them, and the rest that it is told. */
  readonly policy: Policy
  /** The truth about each of them. */
  readonly providers: readonly ProviderSpec[]
  /** In order of time, from `start` on; taken one by one. */
  readonly arrivals: Iterable<Arrival>
  /** ms since 1970. */
  readonly start?: number
  /** The process dies, and starts again from its log. In order of time, in ms since the start. */
  readonly crashes?: readonly { readonly atMs: number; readonly downMs: number }[]
  /** Somebody sets the wall clock. */
  readonly jumps?: readonly { readonly atMs: number; readonly byMs: number }[]
  readonly observers?: readonly Observer[]
  /** Makes the balancer; another one than the real is a saboteur's. */
  readonly create?: typeof createBalancer
}

/** The whole actor system on a virtual clock, between clients and providers that are not real. */
export interface World {
  readonly clock: VirtualClock
  readonly start: number
  readonly providers: readonly Provider[]
  /** The one that runs, or the last one that did. */
  readonly balancer: Balancer
  /** Bugs that took the dispatcher down. */
  readonly fatal: readonly string[]
  /** A request comes in now; its id, or null while the process is down. */
  arrive(arrival: Arrival): string | null
  /** Lets time run to the next thing that happens; false when nothing will. */
  step(): boolean
}

export const isTerminal = (type: EventType) => (TERMINAL_TYPES as readonly EventType[]).includes(type)

export function openWorld(setup: WorldSetup): World {
  const { policy, seed, observers = [], create = createBalancer, start = START } = setup
  const clock = createVirtualClock(start)
  const random = createRandom(seed)
  const providers = setup.providers.map((spec) =>
    createProvider(spec, clock, random.fork(`provider ${spec.llm}`)),
  )
  const log: Event[] | null = (setup.crashes ?? []).length > 0 ? [] : null
  const plans = new Map<string, Arrival>()
  const fatal: string[] = []
  const calls = createCalls({ clock, specs: policy.specs, providers, balancer: () => balancer })
  let lastSeq = 0
  let up = true

  function record(event: Event): void {
    lastSeq = event.seq
    log?.push(event)
    for (const observer of observers) observer.event?.(event)
    if (event.request === null) return
    if (event.type === 'request.dispatched') calls.start(event, plans.get(event.request)!)
    else if (isTerminal(event.type)) plans.delete(event.request)
  }
  function boot(): Balancer {
    const recovered = recover(log ?? [], policy.specs, () => null, clock.now())
    const { llms } = recovered
    const options = {
      policy,
      llms,
      clock,
      lastSeq,
      record,
      fatal: (message: string) => void fatal.push(message),
    }
    const fresh = create(options, `${seed.toString(36)}_`)
    const about = { version: 'simulated', runtime: 'virtual', config_hash: '', config: null }
    fresh.ingest('process.started', { ...about, seed })
    announce(fresh, recovered)
    return fresh
  }
  function crash(downMs: number): void {
    up = false
    balancer.stop()
    calls.dropAll()
    clock.setTimeout(() => {
      balancer = boot()
      up = true
    }, downMs)
  }
  function arrive(arrival: Arrival): string | null {
    if (!up) return null
    const id = balancer.nextRequestId()
    plans.set(id, arrival)
    balancer.ingest('request.received', receivedOf(arrival), id)
    const { leavesAfterMs } = arrival
    if (leavesAfterMs !== null && balancer.owns(id)) clock.setTimeout(() => leave(id), leavesAfterMs)
    return id
  }
  function leave(id: string): void {
    if (!up || !balancer.owns(id)) return
    balancer.ingest('request.abandoned', { while: calls.drop(id) ? 'running' : 'queued' }, id)
  }

  let balancer = boot()
  for (const { atMs, downMs } of setup.crashes ?? []) clock.setTimeout(() => up && crash(downMs), atMs)
  for (const { atMs, byMs } of setup.jumps ?? [])
    clock.setTimeout(() => up && balancer.ingest('clock.jumped', { by_ms: byMs }), atMs)
  follow(setup.arrivals[Symbol.iterator](), clock, arrive)
  return {
    clock,
    start,
    providers,
    fatal,
    get balancer() {
      return balancer
    },
    arrive,
    step() {
      if (!clock.runNext()) return false
      for (const observer of observers) observer.turn?.()
      return true
    },
  }
}

/** Lets each request come in at its time; only the next one is known beforehand. */
function follow(arrivals: Iterator<Arrival>, clock: VirtualClock, arrive: (arrival: Arrival) => void): void {
  const { done, value } = arrivals.next()
  if (done) return
  clock.setTimeout(() => {
    arrive(value)
    follow(arrivals, clock, arrive)
  }, value.at - clock.now())
}

/** Bytes of a request's body for each of its tokens. */
const BYTES_PER_TOKEN = 4

function receivedOf(arrival: Arrival): InputData['request.received'] {
  const { client, model, stream, priority } = arrival
  return {
    client,
    endpoint: 'chat',
    model,
    modes: ['text'],
    tools: false,
    structured: false,
    stream,
    body_bytes: arrival.inputTokens * BYTES_PER_TOKEN,
    input_tokens: arrival.inputTokens,
    output_tokens: arrival.boundTokens,
    choices: 1,
    priority,
    max_wait_ms: arrival.maxWaitMs,
    weights: null,
  }
}
