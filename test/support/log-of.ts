import type { Event, EventOf, EventType } from '../../src/core/events.ts'
import { NO_CHECKPOINTS } from '../../src/log/checkpoints.ts'
import type { LogReader } from '../../src/log/store.ts'

/** A log that holds these events, and no checkpoint. */
export function logOf(events: readonly Event[]): LogReader {
  const place = (event: Event | undefined) => ({ seq: event?.seq ?? 0, at: event?.at ?? 0 })
  const those = (isMeant: (event: Event) => boolean) => events.filter(isMeant).values()
  return {
    first: () => place(events[0]),
    last: () => place(events.at(-1)),
    read: (since) => those(({ at }) => at >= since),
    readFrom: (from) => those(({ seq }) => seq >= from),
    readWith: (text, from) => those((event) => event.seq >= from && JSON.stringify(event).includes(text)),
    readOf: <T extends EventType>(type: T, from: number) =>
      those((event) => event.seq >= from && event.type === type) as IterableIterator<Event & EventOf<T>>,
    latest: <T extends EventType>(type: T, upTo: number) =>
      (events.findLast((event) => event.seq <= upTo && event.type === type) ?? null) as EventOf<T> | null,
    ...NO_CHECKPOINTS,
    close() {},
  }
}
