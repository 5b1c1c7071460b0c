import type { Event, EventOf } from '../../src/core/events.ts'
import type { LogReader } from '../../src/log/store.ts'

/** A log that holds these events. */
export function logOf(events: readonly Event[]): LogReader {
  const place = (event: Event | undefined) => ({ seq: event?.seq ?? 0, at: event?.at ?? 0 })
  const those = (isMeant: (event: Event) => boolean) => events.filter(isMeant).values()
  return {
    first: () => place(events[0]),
    last: () => place(events.at(-1)),
    read: (since) => those(({ at }) => at >= since),
    readFrom: (from) => those(({ seq }) => seq >= from),
    readWith: (text, from) => those((event) => event.seq >= from && JSON.stringify(event).includes(text)),
    readOf: (type, from) =>
      events
        .filter((event): event is Event & EventOf<typeof type> => event.seq >= from && event.type === type)
        .values(),
    lastCheckpoint: () => null,
    close() {},
  }
}
