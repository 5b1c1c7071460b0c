import { isInput } from '../../core/event-versions.ts'
import { type Event, type EventOf, isTerminal } from '../../core/events.ts'
import { arrivalOf } from './arrival.ts'
import { parseEvent } from '../catalogue/parse.ts'

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
  /** Events that are missing since the disk did not take them, as the log itself says. */
  readonly dropped: number
}

export interface Check {
  /** Takes the next event, as it is stored. */
  see(stored: Event): void
  /** To be called once, after the last event. */
  end(): Summary
}

/** Gaps of which the log may still say that they are known. */
const GAPS_MAX = 100

/**
 * Looks through a log, event by event, for what no server writes: gaps, time that goes back, events that are not as
 * the catalogue says, requests that end twice or never. Tells of each as a sentence. What a gap may have taken is not
 * missed besides. Memory: O(requests under way).
 */
export function createCheck(tell: Tell): Check {
  const requests = createRequests(tell)
  const places = createPlaces(tell, requests.lose)
  let events = 0
  let processes = 0

  function tellOf(event: Event): void {
    if (event.type === 'process.started') processes++
    if (event.type === 'log.resumed') places.resume(event)
    requests.see(event)
  }

  return {
    see(stored) {
      events++
      places.see(stored)
      const parsed = parseEvent(stored)
      if (parsed.ok) tellOf(parsed.event)
      else tell(`event ${stored.seq} (${stored.type}) ${parsed.problem}`)
    },
    end: () => ({ events, processes, ...places.end(), ...requests.end() }),
  }
}

type Tell = (problem: string) => void

/** Looks at numbers and times; `lose` is told from which event on everything is there again. */
function createPlaces(tell: Tell, lose: (from: number) => void) {
  let first: Summary['first'] = null
  let last: Summary['last'] = null
  let gaps: string[] = []
  let missing = 0
  let dropped = 0

  function miss(from: number, to: number): void {
    missing += to - from
    gaps.push(to - from === 1 ? `event ${from} is missing` : `events ${from} to ${to - 1} are missing`)
    if (gaps.length > GAPS_MAX) tellGaps()
    lose(to)
  }

  function tellGaps(): void {
    for (const gap of gaps) tell(gap)
    gaps = []
    missing = 0
  }

  return {
    see({ seq, at }: Event): void {
      if (last === null) lose(seq)
      else {
        if (seq <= last.seq) tell(`event ${seq} comes after event ${last.seq}`)
        if (seq > last.seq + 1) miss(last.seq + 1, seq)
        if (at < last.at) tell(`event ${seq} is earlier than the one before it`)
      }
      first ??= { seq, at }
      last = { seq, at }
    },
    /** The log says how many events it lacks. */
    resume({ seq, data }: EventOf<'log.resumed'>): void {
      if (data.dropped === missing) gaps = []
      else tell(`event ${seq} says that ${data.dropped} events are missing, but ${missing} are`)
      tellGaps()
      dropped += data.dropped
    },
    end() {
      tellGaps()
      return { first, last, dropped }
    },
  }
}

/** Looks at the lives of requests. */
function createRequests(tell: Tell) {
  const open = new Set<string>()
  /** Requests of earlier processes, which the next one ends at its start. */
  let left: ReadonlySet<string> = new Set()
  /** Of what came in before this event, nothing is known for sure. */
  let knownFrom = 0
  let requests = 0

  function arrive(request: string, seq: number): void {
    if (open.has(request)) tell(`event ${seq}: request ${request} comes in a second time`)
    if (arrivalOf(request) !== seq) tell(`event ${seq}: the id ${request} does not end in this number`)
    open.add(request)
    requests++
  }

  function goOn(request: string, { seq, type }: Event): void {
    if (!open.has(request) && arrivalOf(request) >= knownFrom)
      tell(`event ${seq} (${type}) is about request ${request}, which ended before or never came in`)
    if (isTerminal(type)) open.delete(request)
  }

  /** At the first fact after the start of a process, which by then has ended what the one before it left behind. */
  function endLeft(): void {
    for (const request of left) if (open.delete(request)) tell(`request ${request} never ended`)
    left = new Set()
  }

  return {
    see(event: Event): void {
      if (event.type === 'process.started') left = new Set(open)
      else if (left.size > 0 && isInput(event)) endLeft()
      if (event.type === 'request.received') arrive(event.request!, event.seq)
      else if (event.request !== null) goOn(event.request, event)
    },
    /** What came in before an event is not known any more. */
    lose(from: number): void {
      open.clear()
      knownFrom = from
    },
    end: () => ({ requests, underWay: open.size }),
  }
}
