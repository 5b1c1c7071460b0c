import { createBalancer } from '../actors/balancer.ts'
import type { Config } from '../config/config.ts'
import { decidingOf } from '../config/policy.ts'
import { configHash, redact } from '../config/redact.ts'
import type { Policy } from '../core/dispatch-state.ts'
import { type Event, type InputData, isTerminal } from '../core/events.ts'
import { createRandom } from '../core/random.ts'
import type { Arrival } from './arrivals.ts'
import { createCalls } from './calls.ts'
import { createVirtualClock, START, type VirtualClock } from './clock.ts'
import { createLife, type Identity, type Life } from './life.ts'
import { createProvider, type Provider, type ProviderSpec } from './provider.ts'

/** Looks on while a world runs. */
export interface Observer {
  /** An event was recorded; what it leads to has not happened yet. */
  event?(event: Event): void
  /** A step is over: the actors are at rest. */
  turn?(world: World): void
}

export interface WorldSetup {
  /** Seed of travel times, latencies and faults. */
  readonly seed: number
  /** The LLMs as the balancer knows them, and the rest that it is told. */
  readonly policy: Policy
  /** What the policy is a part of, for the log; left out where there is no more than the policy. */
  readonly config?: Config
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
  readonly life: Life
  /** Bugs that took the dispatcher down. */
  readonly fatal: readonly string[]
  /** A request comes in now; its id, or null while the process is down. */
  arrive(arrival: Arrival): string | null
  /** Lets time run to the next thing that happens; false when nothing will. */
  step(): boolean
}

export function openWorld(setup: WorldSetup): World {
  const { policy, seed, observers = [], create = createBalancer, start = START } = setup
  const { crashes = [], jumps = [] } = setup
  const clock = createVirtualClock(start)
  const random = createRandom(seed)
  const providers = setup.providers.map((spec) =>
    createProvider(spec, clock, random.fork(`provider ${spec.llm}`)),
  )
  const plans = new Map<string, Arrival>()
  const fatal: string[] = []
  const calls = createCalls({ clock, specs: policy.specs, providers, balancer: () => life.balancer })

  function record(event: Event): void {
    for (const observer of observers) observer.event?.(event)
    if (event.request === null) return
    if (event.type === 'request.dispatched') calls.start(event, plans.get(event.request)!)
    else if (isTerminal(event.type)) plans.delete(event.request)
  }
  function arrive(arrival: Arrival): string | null {
    const { balancer, up } = life
    if (!up) return null
    const id = balancer.nextRequestId()
    plans.set(id, arrival)
    balancer.ingest('request.received', receivedOf(arrival), id)
    const { leavesAfterMs } = arrival
    if (leavesAfterMs !== null && balancer.owns(id)) clock.setTimeout(() => leave(id), leavesAfterMs)
    return id
  }
  function leave(id: string): void {
    const { balancer, up } = life
    if (!up || !balancer.owns(id)) return
    balancer.ingest('request.abandoned', { while: calls.drop(id) ? 'running' : 'queued' }, id)
  }
  function crash(downMs: number): void {
    if (!life.up) return
    life.crash(downMs)
    calls.dropAll()
  }

  const failed = (message: string) => void fatal.push(message)
  const life = createLife({
    identity: identityOf(setup),
    clock,
    create,
    mortal: crashes.length > 0,
    record,
    fatal: failed,
  })
  for (const { atMs, downMs } of crashes) clock.setTimeout(() => crash(downMs), atMs)
  for (const { atMs, byMs } of jumps)
    clock.setTimeout(() => life.up && life.balancer.ingest('clock.jumped', { by_ms: byMs }), atMs)
  follow(setup.arrivals[Symbol.iterator](), clock, arrive)
  const world: World = {
    clock,
    start,
    providers,
    fatal,
    life,
    arrive,
    step() {
      if (!clock.runNext()) return false
      for (const observer of observers) observer.turn?.(world)
      return true
    },
  }
  return world
}

/** The policy stands in the log as a configuration does, as plain JSON. */
function identityOf({ seed, policy, config }: WorldSetup): Identity {
  if (config !== undefined) return { seed, config_hash: configHash(config), config: redact(config) }
  return { seed, config_hash: '', config: JSON.parse(JSON.stringify(decidingOf(policy))) }
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
    min_quality: null,
    max_cost_nano_usd: null,
  }
}
