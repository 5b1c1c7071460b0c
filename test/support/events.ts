import { EVENT_VERSIONS } from '../../src/core/event-versions.ts'
import type { Event, EventData, EventOf, EventType } from '../../src/core/events.ts'
import type { LogWriter } from '../../src/log/store.ts'
import { START } from './virtual-clock.ts'

/** An event as it stands in the log. */
export function event<T extends EventType>(
  seq: number,
  type: T,
  data: EventData[T],
  { at = START + seq, request = null, llm = null }: Partial<Pick<EventOf<T>, 'at' | 'request' | 'llm'>> = {},
): Event {
  return { seq, at, type, v: EVENT_VERSIONS[type], request, llm, data } as Event
}

/** A run of timer events, the plainest there are. */
export function ticks(count: number, from = 1): Event[] {
  return Array.from({ length: count }, (_, i) => event(from + i, 'timer.fired', { timer: from + i }))
}

/** A log in memory whose disk can be made to fail, or to be slow. */
export interface MemoryLog extends Pick<LogWriter, 'append'> {
  readonly batches: Event[][]
  broken: boolean
  /** Whether batches that come are written only when they are let through. */
  slow: boolean
  letThrough(): void
}

export function memoryLog(): MemoryLog {
  let held: (() => void)[] = []
  return {
    batches: [],
    broken: false,
    slow: false,
    letThrough() {
      const waiting = held
      held = []
      for (const go of waiting) go()
    },
    async append(events) {
      if (this.slow) await new Promise<void>((resolve) => void held.push(resolve))
      if (this.broken) return { ok: false, why: 'the disk is full' }
      this.batches.push([...events])
      return { ok: true, renewed: false }
    },
  }
}
