import type { EarlyRefusal } from '../../../src/core/forecast/early-refusal.ts'
import type { Event } from '../../../src/core/events.ts'
import { createHeap, push, removeAt } from '../../../src/core/queue/heap.ts'
import { createRandom } from '../../../src/core/random.ts'
import { START } from '../../support/virtual-clock.ts'
import { openFleet, ROOM_FOR_ALL } from '../scheduling/balancer.ts'
import type { Job } from '../scheduling/model.ts'
import type { Arrival, Trace } from './traces.ts'

/** What became of a request. Times in ms from the start of the trace. */
export interface Fate {
  readonly arrival: Arrival
  /** How often it had come before. */
  readonly nth: number
  /** When it came. */
  readonly atMs: number
  /** When it started; null when it did not. */
  readonly startMs: number | null
  /** What it was told to wait, where it was refused on arrival. */
  readonly retryAfterMs: number | null
  /** When it was expected to start, where it had to wait; null where nothing told. */
  readonly expectedMs: number | null
  readonly wouldRefuse: boolean
}

/** A request that is let in whatever is forecast: when it comes, or when it comes again so much later. */
export interface Guest {
  readonly id: number
  readonly delayMs: number
}

export interface Course {
  readonly earlyRefusal: EarlyRefusal
  /** Whose fate is asked for; nothing is played beyond it. */
  readonly guest?: Guest
  /** Whether all others that are refused come again as they are told. */
  readonly isHeeded?: boolean
}

/** One try of a request. */
interface Try {
  readonly arrival: Arrival
  readonly nth: number
}

/** Weights with which the time of a request counts. */
const WEIGHTS = { cost: 0.25, quality: 0.25, speed: 0.5 }

/** How far off a wait may be: a fifth, or a second, which is what `retry-after` counts in. */
export function slackOf(retryAfterMs: number): number {
  return Math.max(Math.ceil(retryAfterMs / 5), 1000)
}

/** Plays a trace to its end, or until a guest has started or was late. */
export function play({ name, llms, arrivals }: Trace, { earlyRefusal, guest, isHeeded }: Course): Fate[] {
  const starts = new Map<Job, number>()
  const policy = { weights: WEIGHTS, earlyRefusal, ...ROOM_FOR_ALL }
  const fleet = openFleet(llms, policy, ({ job, startMs }) => starts.set(job, startMs))
  const { balancer, clock, events, fatal } = fleet.world
  const tries = createHeap(comesBefore, () => {})
  for (const arrival of arrivals) push(tries, { arrival, nth: 0 })
  const fates: Omit<Fate, 'startMs'>[] = []
  let endMs = Number.POSITIVE_INFINITY

  function comes({ arrival, nth }: Try): Omit<Fate, 'startMs'> {
    const seen = events.length
    const request = fleet.arrives(arrival, { client: arrival.client, max_wait_ms: arrival.maxWaitMs })
    return { arrival, nth, atMs: arrival.atMs, ...saidTo(request, events.slice(seen)) }
  }

  for (;;) {
    const next = tries.items[0]
    if (next === undefined || next.arrival.atMs > endMs) break
    removeAt(tries, 0)
    const { arrival, nth } = next
    fleet.runUntil(START + arrival.atMs)
    const isGuest = arrival.id === guest?.id
    const isLetIn = isGuest && nth === (guest.delayMs > 0 ? 1 : 0)
    if (isLetIn) endMs = arrival.atMs + arrival.maxWaitMs
    Object.assign(balancer.state.policy, { earlyRefusal: isLetIn ? 'off' : earlyRefusal })
    const fate = comes(next)
    fates.push(fate)
    const told = fate.retryAfterMs
    if (isGuest && nth === 0 && !isLetIn) push(tries, againAfter(next, guest.delayMs))
    else if (isHeeded && told !== null) push(tries, againAfter(next, told + slipOf(name, next, told)))
  }
  while (balancer.state.queue.byId.size > 0 && clock.nextAt() <= START + endMs && fleet.runNext());
  if (fatal.length > 0) throw new Error(fatal.join())
  return fates.map((fate) => ({ ...fate, startMs: starts.get(fate.arrival) ?? null }))
}

/** How much later than told a request comes again; the same in every course. */
function slipOf(name: string, { arrival: { id }, nth }: Try, told: number): number {
  return createRandom(nth, `${name}/${id}`).integer(slackOf(told) + 1)
}

/** What a request was told on arrival. */
function saidTo(request: string, events: readonly Event[]) {
  let said: Pick<Fate, 'retryAfterMs' | 'expectedMs' | 'wouldRefuse'> = NOTHING
  for (const event of events) {
    if (event.request !== request) continue
    if (event.type === 'request.rejected') said = { ...NOTHING, retryAfterMs: event.data.retry_after_ms }
    if (event.type !== 'request.queued') continue
    const { eta_ms, would_refuse } = event.data
    const expectedMs = eta_ms === null ? null : event.at - START + eta_ms
    said = { ...NOTHING, expectedMs, wouldRefuse: would_refuse ?? false }
  }
  return said
}

const NOTHING = { retryAfterMs: null, expectedMs: null, wouldRefuse: false }

function againAfter({ arrival, nth }: Try, delayMs: number): Try {
  return { arrival: { ...arrival, atMs: arrival.atMs + delayMs }, nth: nth + 1 }
}

function comesBefore({ arrival: a }: Try, { arrival: b }: Try): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.id < b.id)
}
