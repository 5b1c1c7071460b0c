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
  return { seq, at, type, v: 1, request, llm, data } as Event
}

/** A run of timer events, the plainest there are. */
export function ticks(count: number, from = 1): Event[] {
  return Array.from({ length: count }, (_, i) => event(from + i, 'timer.fired', { timer: from + i }))
}

/** A log in memory whose disk can be made to fail. */
export function memoryLog(): LogStore & { batches: Event[][]; broken: boolean } {
  const batches: Event[][] = []
  const all = () => batches.flat()
  return {
    batches,
    broken: false,
    append(events) {
      if (this.broken) throw new Error('the disk is full')
      batches.push([...events])
    },
    last() {
      const { seq, at } = all().at(-1) ?? { seq: 0, at: 0 }
      return { seq, at }
    },
    *read(since) {
      yield* all().filter(({ at }) => at >= since)
    },
    prune(before, most) {
      const old = batches.findIndex((batch) => batch[0]!.at >= before)
      return batches.splice(0, Math.min(most, old < 0 ? batches.length : old)).length
    },
    close() {},
  }
}
