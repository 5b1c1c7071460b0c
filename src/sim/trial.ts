import type { createBalancer } from '../actors/balancer.ts'
import { type Event, isTerminal } from '../core/events.ts'
import { createRandom } from '../core/random.ts'
import type { Limit } from '../core/types.ts'
import { type Arrival, arrivalsOf } from './arrivals.ts'
import { START } from './clock.ts'
import { type Checker, createChecker, type Violation } from './invariants.ts'
import { burstOf } from './meter.ts'
import type { ProviderSpec } from './provider.ts'
import type { Swarm } from './swarm.ts'
import { REST_WINDOWS } from './truth.ts'
import { openWorld, type World } from './world.ts'
import { HOUR_MS } from '../core/time.ts'

export interface TrialResult {
  readonly events: readonly Event[]
  /** The first thing that did not hold; null when everything did. */
  readonly violation: Violation | null
}

/** No drawn world takes more steps; one that does feeds itself. */
const STEPS_MAX = 20_000
/** Requests that come once nothing goes wrong any more, and their distance. */
const CALM_REQUESTS = 4
const CALM_GAP_MS = 150
/** The longest pause that a provider's fault leads to, and the longest time a call takes. */
const PAUSE_MS_MAX = 120_000
const CALL_MS_MAX = 30_000
const GUARD_MS = 500
/** The balancer keeps long windows at a coarser grain than a ms. */
const GRAINS_PER_WINDOW = 60_000
/** More than these at once prove nothing more. */
const PROBES_MAX = 8
const CALM = 'calm'
const PROBE = 'probe'

/**
 * Lets a drawn world run: first with all that goes wrong in it, then without, until it comes to rest; and asks at last
 * whether all room is back. What must hold is checked after every event.
 */
export function runTrial(swarm: Swarm, create?: typeof createBalancer): TrialResult {
  const { seed, policy, providers, crashes, jumps, healMs, sources } = swarm
  const events: Event[] = []
  const checker = createChecker(policy)
  const random = createRandom(seed)
  const chaos = arrivalsOf(sources, random.fork('arrivals'), START, START + healMs)
  const calmFrom = START + healMs + (crashes.at(-1)?.downMs ?? 0) + 1
  const calm = calmArrivals(calmFrom, boundMs(policy.specs.flatMap(({ limits }) => limits)))
  const lookout = createLookout(swarm, checker)
  const world = openWorld({
    seed,
    policy,
    providers,
    crashes,
    jumps,
    arrivals: chain(chaos, calm),
    observers: [{ event: (event) => void events.push(event) }, checker, lookout],
    ...(create && { create }),
  })
  world.clock.setTimeout(() => {
    for (const provider of world.providers) provider.heal()
  }, healMs)
  settle(world, checker)
  probe(world, swarm, checker)
  return { events, violation: checker.violation }
}

function settle(world: World, checker: Checker): void {
  for (let steps = 0; checker.violation === null; steps++) {
    if (!world.step()) return checker.rested(world)
    if (steps === STEPS_MAX) checker.violated('progress', `no rest after ${STEPS_MAX} steps`)
  }
}

/** Sends each LLM all that its limits let in at once, after a rest that brings all of it back. */
function probe(world: World, { providers, policy }: Swarm, checker: Checker): void {
  if (checker.violation !== null) return
  world.clock.advance(restMs(policy.specs.flatMap(({ limits }) => limits)))
  for (const spec of providers) {
    const view = world.life.balancer.views.find((one) => one.spec.name === spec.llm)!
    if (view.status === 'disabled') continue
    for (const arrival of probesOf(spec, view.spec.contextLength, world.clock.now())) world.arrive(arrival)
  }
  settle(world, checker)
}

/** Watches the requests that must not be kept waiting for ever, and those that must not wait at all. */
function createLookout({ providers }: Swarm, checker: Checker): { event(event: Event): void } {
  const exact = providers.every(isExact)
  const exactNames = new Set(providers.filter(isExact).map(({ llm }) => llm))
  const clients = new Map<string, { client: string; model: string }>()
  return {
    event(event) {
      if (event.type === 'request.received') {
        const { client, model } = event.data
        if (client === CALM || client === PROBE) clients.set(event.request!, { client, model })
        return
      }
      const known = event.request === null ? undefined : clients.get(event.request)
      if (known === undefined) return
      const { client, model } = known
      const bad = event.type === 'request.expired' || event.type === 'request.failed'
      if (client === CALM && exact && bad) checker.violated('calm', 'the request was not answered')
      const waits = event.type === 'request.queued' || event.type === 'request.rejected'
      if (client === PROBE && waits && exactNames.has(model))
        checker.violated('capacity', `${model} has not all of its room back`)
      if (isTerminal(event.type)) clients.delete(event.request!)
    },
  }
}

/** Whether the balancer knows all about the limits of an LLM and what is used of them. */
function isExact({ limits, tenant, countPermille, overheadTokens }: ProviderSpec): boolean {
  const counted = tenant === null && countPermille === 1000 && overheadTokens === 0
  return counted && limits.every(({ promised }) => promised)
}

function calmArrivals(from: number, maxWaitMs: number): Arrival[] {
  return Array.from({ length: CALM_REQUESTS }, (_, i) => ({
    at: from + i * CALM_GAP_MS,
    client: CALM,
    model: 'auto',
    priority: 'normal',
    stream: i % 2 === 0,
    maxWaitMs,
    inputTokens: 5 + 10 * i,
    cachedTokens: 0,
    boundTokens: 5 + 10 * i,
    answerTokens: 5 + 10 * i,
    leavesAfterMs: null,
  }))
}

/** As many requests at once as the limits let in, which together take as many tokens as they let in. */
function probesOf({ llm, limits }: ProviderSpec, contextLength: number, at: number): Arrival[] {
  const most = (unit: string, otherwise: number) =>
    limits
      .filter((limit) => limit.unit === unit)
      .reduce(
        (least, { amount, perMs, counting }) => Math.min(least, burstOf(amount, perMs, counting)),
        otherwise,
      )
  const tokens = most('tokens', 10_000)
  const count = Math.min(most('requests', PROBES_MAX), most('concurrency', PROBES_MAX), PROBES_MAX)
  const each = Math.min(Math.floor(tokens / count), contextLength)
  const inputTokens = Math.max(
    1,
    Math.min(Math.floor(each / 2), Math.floor(most('input_tokens', 10_000) / count)),
  )
  const outputTokens = Math.min(each - inputTokens, Math.floor(most('output_tokens', 10_000) / count))
  return Array.from({ length: count }, () => ({
    at,
    client: PROBE,
    model: llm,
    priority: 'normal',
    stream: false,
    maxWaitMs: 0,
    inputTokens,
    cachedTokens: 0,
    boundTokens: outputTokens,
    answerTokens: outputTokens,
    leavesAfterMs: null,
  }))
}

/** After this rest nothing that was spent counts any more. */
function restMs(limits: readonly Limit[]): number {
  return limits.reduce((most, { perMs, window }) => {
    const longerDay = window === 'calendar' ? HOUR_MS : 0
    const grainMs = Math.ceil(perMs / GRAINS_PER_WINDOW)
    return Math.max(most, REST_WINDOWS[window] * (perMs + GUARD_MS + grainMs) + longerDay)
  }, 0)
}

/** Every request that can be served at all is served within this time, if each had a window of its own. */
function boundMs(limits: readonly Limit[]): number {
  return PAUSE_MS_MAX + 64 * (restMs(limits) + CALL_MS_MAX)
}

function* chain<T>(...parts: readonly Iterable<T>[]): Generator<T, void> {
  for (const part of parts) yield* part
}
