import type { Balancer } from '../actors/balancer.ts'
import { type Standing, standingOf } from '../core/forecast/forecast.ts'

/** A stream whose client has heard nothing yet. */
export interface Beating {
  readonly since: number
  /** `standing` is null while an attempt is under way. */
  beat(standing: Standing | null): void
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
  { state, views }: Pick<Balancer, 'state' | 'views'>,
  everyMs: number,
  now: () => number,
): Heartbeats {
  const waiting = new Map<string, { beating: Beating; next: number }>()

  function tick(): void {
    const at = now()
    for (const [id, entry] of waiting) {
      if (entry.next > at) continue
      entry.next = at + everyMs
      entry.beating.beat(standingOf(state, { views }, id, at))
    }
  }

  const timer = setInterval(tick, Math.min(TICK_MS, everyMs))
  return {
    add: (id, beating) => void waiting.set(id, { beating, next: beating.since + everyMs }),
    remove: (id) => void waiting.delete(id),
    stop: () => clearInterval(timer),
  }
}
