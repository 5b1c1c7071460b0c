import { isInput } from '../../core/event-versions.ts'
import type { Event } from '../../core/events.ts'

/** About as many events are written at once: packing more would keep the event loop for long. */
const CHUNK = 500

/** Events that wait for the log in order; once there are too many the oldest are dropped, and counted. */
export class Backlog {
  #events: Event[] = []
  readonly #max: number
  dropped = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#events.length
  }

  add(events: readonly Event[]): void {
    for (const event of events) this.#events.push(event)
    this.#bound()
  }

  /** Puts in front again what was taken. */
  putBack(events: readonly Event[]): void {
    this.#events = events.concat(this.#events)
    this.#bound()
  }

  take(): Event[] {
    return takeChunk(this.#events)
  }

  #bound(): void {
    const excess = this.#events.length - this.#max
    if (excess <= 0) return
    this.#events.splice(0, excess)
    this.dropped += excess
  }
}

/**
 * Takes the first events off a list, as far as no `seq` is left out, since a batch has no gap, and up to a fact: a log
 * that a crash ends there has all decisions that its facts lead to.
 */
export function takeChunk(events: Event[]): Event[] {
  const { seq } = events[0]!
  const end = events.findIndex(
    (event, i) => i > 0 && (event.seq !== seq + i || (i >= CHUNK && isInput(event))),
  )
  return events.splice(0, end < 0 ? events.length : end)
}
