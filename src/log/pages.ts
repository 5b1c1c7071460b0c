import type { Event } from '../core/events.ts'
import type { LogReader, Position } from './store.ts'

/** Events that are in memory at once. */
const PAGE = 2000

/**
 * The events of a log from `seq` on, a page at a time: no read stays open while they are looked at, so that other
 * reads may go on in between and the writer is never held back.
 */
export function* inPages(log: Pick<LogReader, 'readFrom'>, seq: number): Generator<Event> {
  for (let from = seq; ; ) {
    const page: Event[] = []
    for (const event of log.readFrom(from)) if (page.push(event) === PAGE) break
    yield* page
    if (page.length < PAGE) return
    from = page.at(-1)!.seq + 1
  }
}

/** Where the first event stands that is not before an instant (ms since 1970); null when there is none. */
export function firstSince(log: Pick<LogReader, 'read'>, at: number): Position | null {
  for (const event of log.read(at)) return { seq: event.seq, at: event.at }
  return null
}
