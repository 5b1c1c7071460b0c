import type { Balancer } from '../actors/balancer.ts'
import { waitOf } from '../core/assign.ts'
import { inOrder, type Pending, type Queue } from '../core/queue.ts'

/** A stream whose client has heard nothing yet. */
export interface Beating {
  readonly since: number
  /** `place` is null while an attempt is under way. */
  beat(place: Place | null): void
}

/** Where a request stands in the queue, counted from 1, and when an LLM it waits for has room again, if known. */
export interface Place {
  readonly position: number
  readonly etaMs: number | null
}

/** The streams that wait for their first byte, by request id. */
export interface Heartbeats {
  add(id: string, beating: Beating): void
  remove(id: string): void
  stop(): void
}

const TICK_MS = 1000

/**
 * Keeps waiting streams alive: proxies and clients cut a connection on which nothing comes. One timer serves all
 * streams; a stream hears of its place in the queue `everyMs` after its arrival and then at the same interval.
 */
export function createHeartbeats(
  { state: { queue }, views }: Pick<Balancer, 'state' | 'views'>,
  everyMs: number,
  now: () => number,
): Heartbeats {
  const waiting = new Map<string, { beating: Beating; next: number }>()

  function tick(): void {
    const at = now()
    let places: ReturnType<typeof placesOf> | null = null
    for (const [id, entry] of waiting) {
      if (entry.next > at) continue
      entry.next = at + everyMs
      places ??= placesOf(queue)
      const place = places.get(id)
      entry.beating.beat(
        place === undefined
          ? null
          : { position: place.position, etaMs: waitOf({ views }, place.pending, at).etaMs },
      )
    }
  }

  const timer = setInterval(tick, Math.min(TICK_MS, everyMs))
  return {
    add: (id, beating) => void waiting.set(id, { beating, next: beating.since + everyMs }),
    remove: (id) => void waiting.delete(id),
    stop: () => clearInterval(timer),
  }
}

function placesOf(queue: Queue): Map<string, { position: number; pending: Pending }> {
  const places = new Map<string, { position: number; pending: Pending }>()
  for (const pending of inOrder(queue)) places.set(pending.id, { position: places.size + 1, pending })
  return places
}
