import { EVENT_VERSIONS } from '../../src/core/event-versions.ts'
import type { Event, EventData, EventOf, EventType } from '../../src/core/events.ts'
import type { LogStore } from '../../src/log/store.ts'
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

/** A log in memory whose disk can be made to fail. */
export function memoryLog(): Pick<LogStore, 'append'> & { batches: Event[][]; broken: boolean } {
  const batches: Event[][] = []
  return {
    batches,
    broken: false,
    append(events) {
      if (this.broken) throw new Error('the disk is full')
      batches.push([...events])
    },
  }
}
