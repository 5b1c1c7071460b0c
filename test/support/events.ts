import type { Event, EventData, EventOf, EventType } from '../../src/core/events.ts'
import type { LogReader, LogStore } from '../../src/log/store.ts'
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

/** A log of these events, for readers; without checkpoints. */
export function readerOf(events: readonly Event[]): LogReader {
  const placeOf = (one: Event | undefined) =>
    one === undefined ? { seq: 0, at: 0 } : { seq: one.seq, at: one.at }
  const reading = (isMeant: (event: Event) => boolean) => events.filter(isMeant).values()
  return {
    first: () => placeOf(events[0]),
    last: () => placeOf(events.at(-1)),
    read: (since) => reading(({ at }) => at >= since),
    readFrom: (seq) => reading((one) => one.seq >= seq),
    readWith: (text, seq) => reading((one) => one.seq >= seq && JSON.stringify(one).includes(text)),
    readOf: <T extends EventType>(type: T, seq: number) =>
      reading((one) => one.seq >= seq && one.type === type) as IterableIterator<Event & EventOf<T>>,
    firstCheckpoint: () => null,
    lastCheckpoint: () => null,
    close() {},
  }
}
