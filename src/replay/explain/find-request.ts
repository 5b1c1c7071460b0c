import { type Event, type EventOf, isTerminal } from '../../core/events.ts'
import type { LogReader } from '../../log/store.ts'

/** Why a request cannot be told, for people. */
export interface Missing {
  readonly missing: 'unknown' | 'deleted'
  readonly message: string
}

export interface FoundRequest {
  readonly received: EventOf<'request.received'>
  /** Its events in order, from its arrival to its end or as far as the log goes. */
  readonly own: readonly Event[]
}

/** Finds the events of a request by the `seq` that its id ends in. O(events of its time). */
export function findRequest(log: LogReader, id: string): FoundRequest | Missing {
  const seq = seqOf(id)
  const first = log.first()
  if (seq === null)
    return unknown(log, `"${id.slice(0, 60)}" is no id of a request; one looks like req_1x2y3z_4f`, null)
  if (first.seq === 0) return { missing: 'unknown', message: 'The event log is empty.' }
  if (seq < first.seq) return deleted(id, seq, first)
  const [arrival] = log.readFrom(seq)
  if (arrival?.seq !== seq || arrival.type !== 'request.received' || arrival.request !== id)
    return unknown(log, `The event log has no request ${id}`, seq)
  return { received: arrival, own: ownEvents(log, id, seq) }
}

function ownEvents(log: LogReader, id: string, seq: number): Event[] {
  const own: Event[] = []
  for (const event of log.readWith(id, seq)) {
    if (event.request !== id) continue
    own.push(event)
    if (isTerminal(event.type)) break
  }
  return own
}

/** The `seq` that an id ends in; null where it has none. */
function seqOf(id: string): number | null {
  const end = /^req_(?:[0-9a-z]+_)*([0-9a-z]{1,10})$/.exec(id)?.[1]
  return end === undefined ? null : Number.parseInt(end, 36)
}

function deleted(id: string, seq: number, { seq: first, at }: { seq: number; at: number }): Missing {
  const message = `The beginning of ${id} is no longer in the event log: it came as event ${seq}, and older events than ${first} (${new Date(at).toISOString()}) were deleted. event_log.retention says how long they are kept.`
  return { missing: 'deleted', message }
}

/** Events on both sides of the place in which requests are looked for, and how many of those are named. */
const AROUND_EVENTS = 500
const NAMED_MOST = 3

/** The hint names requests that came about when this one would have. */
function unknown(log: LogReader, what: string, seq: number | null): Missing {
  const place = Math.min(seq ?? Number.POSITIVE_INFINITY, log.last().seq)
  const near: { readonly id: string; readonly distance: number }[] = []
  for (const event of log.readFrom(Math.max(1, place - AROUND_EVENTS))) {
    if (event.seq > place + AROUND_EVENTS) break
    const distance = Math.abs(event.seq - place)
    if (event.type === 'request.received') near.push({ id: event.request!, distance })
  }
  near.sort((a, b) => a.distance - b.distance)
  const named = near.slice(0, NAMED_MOST).map(({ id }) => id)
  const hint = named.length === 0 ? '' : ` Near it are ${named.join(', ')}.`
  return { missing: 'unknown', message: `${what}.${hint}` }
}
