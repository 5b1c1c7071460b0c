import type { EarlyRefusal } from '../../../src/core/early-refusal.ts'
import { START } from '../../support/virtual-clock.ts'
import { openFleet, ROOM_FOR_ALL } from '../scheduling/balancer.ts'
import type { Arrival, Trace } from './traces.ts'

/** What became of a request. Times in ms from the start of the trace. */
export interface Fate {
  readonly arrival: Arrival
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

/** A request that is let in whatever is forecast, so much later than it came in the trace. */
export interface Guest {
  readonly id: number
  readonly delayMs: number
}

/** Weights with which the time of a request counts. */
const WEIGHTS = { cost: 0.25, quality: 0.25, speed: 0.5 }

/** Plays a trace to its end. */
export function play(
  { llms, arrivals }: Trace,
  earlyRefusal: EarlyRefusal,
  guest: Guest | null = null,
): Fate[] {
  const starts = new Map<number, number>()
  const policy = { weights: WEIGHTS, earlyRefusal, ...ROOM_FOR_ALL }
  const fleet = openFleet(llms, policy, ({ job, startMs }) => starts.set(job.id, startMs))
  const { world } = fleet
  const idOf = new Map<string, Arrival>()
  for (const arrival of arranged(arrivals, guest)) {
    fleet.runUntil(START + arrival.atMs)
    const setTo = (value: EarlyRefusal) => Object.assign(world.balancer.state.policy, { earlyRefusal: value })
    if (arrival.id === guest?.id) setTo('off')
    idOf.set(fleet.arrives(arrival, { client: arrival.client, max_wait_ms: arrival.maxWaitMs }), arrival)
    setTo(earlyRefusal)
  }
  while (world.balancer.state.queue.byId.size > 0 && fleet.runNext());
  if (world.fatal.length > 0) throw new Error(world.fatal.join())
  const refused = new Map(world.all('request.rejected').map((event) => [event.request, event.data]))
  const queued = new Map(world.all('request.queued').map((event) => [event.request, event.data]))
  return [...idOf].map(([request, arrival]) => {
    const eta = queued.get(request)?.eta_ms
    return {
      arrival,
      atMs: arrival.atMs,
      startMs: starts.get(arrival.id) ?? null,
      retryAfterMs: refused.get(request)?.retry_after_ms ?? null,
      expectedMs: eta == null ? null : arrival.atMs + eta,
      wouldRefuse: queued.get(request)?.would_refuse ?? false,
    }
  })
}

function arranged(arrivals: readonly Arrival[], guest: Guest | null): readonly Arrival[] {
  if (guest === null) return arrivals
  const moved = arrivals.map((one) =>
    one.id === guest.id ? { ...one, atMs: one.atMs + guest.delayMs } : one,
  )
  return moved.sort((a, b) => a.atMs - b.atMs || a.id - b.id)
}
