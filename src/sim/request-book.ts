import { type Event, type EventOf, isTerminal } from '../core/events.ts'

/** How far a request has come, by the events alone. */
type Stage = 'received' | 'waiting' | 'running' | 'answered'

interface Entry {
  stage: Stage
  /** The LLM of the attempt under way. */
  llm: string | null
  attempts: number
  readonly bytes: number
  readonly maxWaitMs: number
  readonly deadline: number
  /** When the last attempt ended. */
  answeredAt: number
}

/** From which stages each event may come; what is not in here is not about a stage. */
const FROM: Partial<Record<Event['type'], readonly Stage[]>> = {
  'request.queued': ['received'],
  'request.dispatched': ['received', 'waiting'],
  'attempt.started': ['running'],
  'attempt.finished': ['running'],
  'attempt.failed': ['running'],
  'request.retried': ['answered'],
  'request.completed': ['answered'],
  'request.rejected': ['received', 'waiting'],
  'request.expired': ['received', 'waiting'],
}

/** Every request that has not ended, as the log tells it. */
export interface RequestBook {
  readonly live: number
  readonly waiting: number
  readonly waitingBytes: number
  /** Attempts under way at an LLM. */
  slots(llm: string): number
  /** Takes in an event; what is wrong with it, or null. */
  take(event: Event): string | null
}

/** @param graceMs How much later than its deadline a request may end, whose last attempt began before it. */
export function createRequestBook(graceMs: number): RequestBook {
  const entries = new Map<string, Entry>()
  const slots = new Map<string, number>()
  let [waiting, waitingBytes] = [0, 0]

  const occupy = (llm: string, by: number) => slots.set(llm, (slots.get(llm) ?? 0) + by)
  const enter = (entry: Entry, stage: Stage) => {
    const by = Number(stage === 'waiting') - Number(entry.stage === 'waiting')
    waiting += by
    waitingBytes += by * entry.bytes
    if (entry.stage === 'running') occupy(entry.llm!, -1)
    if (stage === 'running') occupy(entry.llm!, 1)
    entry.stage = stage
  }
  const end = (id: string, entry: Entry) => {
    enter(entry, 'answered')
    entries.delete(id)
  }
  const take = (event: Event): string | null => {
    const { request, type } = event
    if (request === null) return null
    const known = entries.get(request)
    if (type === 'request.received') {
      if (known !== undefined) return 'a request came in twice'
      entries.set(request, entryOf(event))
      return null
    }
    if (known === undefined) return 'it is about a request that has ended, or never came'
    if (FROM[type]?.includes(known.stage) === false) return `the request was ${known.stage} before`
    return advance(request, known, event)
  }
  const advance = (id: string, entry: Entry, event: Event): string | null => {
    if (isTerminal(event.type)) {
      end(id, entry)
      return lateness(entry, event, graceMs)
    }
    switch (event.type) {
      case 'request.queued':
      case 'request.retried':
        enter(entry, 'waiting')
        return null
      case 'request.dispatched':
        if (event.data.attempt !== entry.attempts + 1) return `attempt ${entry.attempts + 1} is left out`
        entry.attempts++
        entry.llm = event.llm
        enter(entry, 'running')
        return null
      case 'attempt.finished':
      case 'attempt.failed':
        enter(entry, 'answered')
        entry.answeredAt = event.at
        return null
      default:
        return null
    }
  }
  return {
    get live() {
      return entries.size
    },
    get waiting() {
      return waiting
    },
    get waitingBytes() {
      return waitingBytes
    },
    slots: (llm) => slots.get(llm) ?? 0,
    take,
  }
}

function entryOf({ at, data }: EventOf<'request.received'>): Entry {
  const { body_bytes: bytes, max_wait_ms: maxWaitMs } = data
  return {
    stage: 'received',
    llm: null,
    attempts: 0,
    bytes,
    maxWaitMs,
    deadline: at + maxWaitMs,
    answeredAt: 0,
  }
}

function lateness({ deadline, answeredAt, maxWaitMs }: Entry, event: Event, graceMs: number): string | null {
  if (event.at > deadline + graceMs) return `it ended ${event.at - deadline} ms after its deadline`
  if (event.type !== 'request.expired') return null
  if (event.data.wait_ms < maxWaitMs) return `it expired ${maxWaitMs - event.data.wait_ms} ms early`
  const due = Math.max(deadline, answeredAt)
  return event.at > due ? `it expired ${event.at - due} ms late` : null
}
