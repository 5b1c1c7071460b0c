import { inOrder, type Queue } from '../core/queue.ts'

/** A stream whose client has heard nothing yet. */
export interface Beating {
  readonly since: number
  /** `position` is counted from 1; null while an attempt is under way. */
  beat(position: number | null): void
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
export function createHeartbeats(queue: Queue, everyMs: number, now: () => number): Heartbeats {
  const waiting = new Map<string, { beating: Beating; next: number }>()

  function tick(): void {
    const at = now()
    let positions: Map<string, number> | null = null
    for (const [id, entry] of waiting) {
      if (entry.next > at) continue
      entry.next = at + everyMs
      positions ??= positionsOf(queue)
      entry.beating.beat(positions.get(id) ?? null)
    }
  }

  const timer = setInterval(tick, Math.min(TICK_MS, everyMs))
  return {
    add: (id, beating) => void waiting.set(id, { beating, next: beating.since + everyMs }),
    remove: (id) => void waiting.delete(id),
    stop: () => clearInterval(timer),
  }
}

function positionsOf(queue: Queue): Map<string, number> {
  const positions = new Map<string, number>()
  for (const pending of inOrder(queue)) positions.set(pending.id, positions.size + 1)
  return positions
}
