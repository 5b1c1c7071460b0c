import { type Event, type EventType, isTerminal } from '../../core/events.ts'
import { firstSince, inPages } from '../pages.ts'
import { arrivalOf } from './arrival.ts'
import type { LogReader } from '../store.ts'

/** Which events are meant; null stands for all. */
export interface Selection {
  /** ms since 1970, both included. */
  readonly since: number
  readonly until: number
  readonly request: string | null
  /** All events of the requests of this client. */
  readonly client: string | null
  readonly llm: string | null
  readonly types: readonly EventType[] | null
}

/** Events between two reports of progress. */
const EVENTS_PER_REPORT = 1_000

/**
 * The events that are meant, in order; `reached` hears now and then how far it is. Memory: O(requests of the client
 * under way).
 */
export function* select(
  log: LogReader,
  meant: Selection,
  reached: (seq: number) => void = () => {},
): Generator<Event> {
  const { since, until, request, client, llm, types } = meant
  const isOfClient = client === null ? () => true : createClientFilter(log, client)
  const source =
    request === null ? allSince(log, since, reached) : log.readWith(request, arrivalOf(request) || 1)
  for (const event of source) {
    if (event.at > until) return
    if (!isOfClient(event) || event.at < since) continue
    if (request !== null && event.request !== request) continue
    if (llm !== null && event.llm !== llm) continue
    if (types === null || types.includes(event.type)) yield event
  }
}

function* allSince(log: LogReader, at: number, reached: (seq: number) => void): Generator<Event> {
  const first = firstSince(log, at)
  if (first === null) return
  for (const event of inPages(log, first.seq)) {
    if (event.seq % EVENTS_PER_REPORT === 0) reached(event.seq)
    yield event
  }
}

/** Whether an event is about a request of the client; one that came before the first event is looked up. */
function createClientFilter(log: LogReader, client: string): (event: Event) => boolean {
  const open = new Map<string, boolean>()
  return (event) => {
    const { request, type } = event
    if (request === null) return false
    const known = type === 'request.received' ? event.data.client === client : open.get(request)
    const mine = known ?? clientOf(log, request) === client
    if (isTerminal(type)) open.delete(request)
    else open.set(request, mine)
    return mine
  }
}

/** Null where the arrival is not in the log any more. */
function clientOf(log: LogReader, request: string): string | null {
  for (const event of log.readFrom(arrivalOf(request) || 1)) {
    return event.type === 'request.received' && event.request === request ? event.data.client : null
  }
  return null
}
