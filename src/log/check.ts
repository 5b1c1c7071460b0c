import { isInput } from '../core/event-versions.ts'
import { type Event, type EventType, TERMINAL_TYPES } from '../core/events.ts'
import { arrivalOf } from './arrival.ts'
import { parseEvent } from './catalogue/parse.ts'

/** What a log holds. */
export interface Summary {
  readonly events: number
  /** The first and the last event; null in an empty log. */
  readonly first: Pick<Event, 'seq' | 'at'> | null
  readonly last: Pick<Event, 'seq' | 'at'> | null
  readonly processes: number
  readonly requests: number
  /** Requests that had not ended when the log did. */
  readonly underWay: number
}

export interface Check {
  /** Takes the next event, as it is stored. */
  see(stored: Event): void
  summary(): Summary
}

const TERMINAL: ReadonlySet<EventType> = new Set(TERMINAL_TYPES)

/**
 * Looks through a log, event by event, for what no server writes: gaps, time that goes back, events that are not as
 * the catalogue says, requests that end twice or never. Tells of each as a sentence. Memory: O(requests under way).
 */
export function createCheck(tell: (problem: string) => void): Check {
  const open = new Map<string, number>()
  /** Requests of earlier processes, which the next one ends at its start. */
  let left: ReadonlySet<string> = new Set()
  let first: Summary['first'] = null
  let last: Summary['last'] = null
  let events = 0
  let processes = 0
  let requests = 0

  function place({ seq, at }: Event): void {
    if (last !== null && seq <= last.seq) tell(`event ${seq} comes after event ${last.seq}`)
    else if (last !== null && seq > last.seq + 1) tell(`events ${last.seq + 1} to ${seq - 1} are missing`)
    if (last !== null && at < last.at) tell(`event ${seq} is earlier than the one before it`)
    first ??= { seq, at }
    last = { seq, at }
  }

  function arrive(request: string, seq: number): void {
    if (open.has(request)) tell(`event ${seq}: request ${request} comes in a second time`)
    if (arrivalOf(request) !== seq) tell(`event ${seq}: the id ${request} does not end in this number`)
    open.set(request, seq)
    requests++
  }

  function goOn(request: string, { seq, type }: Event): void {
    const known = open.has(request)
    // The arrival of an older one may have been deleted with what was too old.
    if (!known && arrivalOf(request) >= first!.seq)
      tell(`event ${seq} (${type}) is about request ${request}, which ended before or never came in`)
    if (TERMINAL.has(type)) open.delete(request)
  }

  /** The first fact after the start of a process: by now, it has ended what the one before it left behind. */
  function endLeft(): void {
    for (const request of left) {
      if (open.has(request)) tell(`request ${request} never ended`)
      open.delete(request)
    }
    left = new Set()
  }

  return {
    see(stored) {
      events++
      place(stored)
      const parsed = parseEvent(stored)
      if (!parsed.ok) return tell(`event ${stored.seq} (${stored.type}) ${parsed.problem}`)
      const { event } = parsed
      if (left.size > 0 && isInput(event) && event.type !== 'process.started') endLeft()
      if (event.type === 'process.started') {
        processes++
        left = new Set(open.keys())
      } else if (event.type === 'request.received') arrive(event.request!, event.seq)
      else if (event.request !== null) goOn(event.request, event)
    },
    summary: () => ({ events, first, last, processes, requests, underWay: open.size }),
  }
}
