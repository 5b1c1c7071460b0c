import type { Event, EventOf } from '../../core/events.ts'
import { narrate } from '../../log/narrate.ts'
import type { LogReader } from '../../log/store.ts'
import type { AttemptTold, FailureTold } from './explanation.ts'

/** The attempts of a request, of whose events `own` are all in order. */
export function attemptsOf(log: Pick<LogReader, 'readFrom'>, own: readonly Event[]): AttemptTold[] {
  const starts = own.filter((event) => event.type === 'request.dispatched')
  return starts.map((start, i) => {
    const next = starts[i + 1]?.seq ?? Number.POSITIVE_INFINITY
    return attemptOf(
      log,
      start,
      own.filter(({ seq }) => seq > start.seq && seq < next),
    )
  })
}

function attemptOf(
  log: Pick<LogReader, 'readFrom'>,
  { llm, at, data }: EventOf<'request.dispatched'>,
  after: readonly Event[],
): AttemptTold {
  const told = {
    attempt: data.attempt,
    llm: llm!,
    at,
    wait_ms: data.wait_ms,
    waited_for: data.waited_for,
    reserved: data.reserved,
    status: null,
    first_byte_ms: null,
    duration_ms: null,
    finish_reason: null,
    usage: null,
    failure: null,
  }
  for (const event of after) {
    if (event.type === 'attempt.finished') {
      const { status, first_byte_ms, duration_ms, finish_reason, usage } = event.data
      return { ...told, outcome: 'finished', status, first_byte_ms, duration_ms, finish_reason, usage }
    }
    if (event.type === 'attempt.failed') {
      const { status, duration_ms } = event.data
      return { ...told, outcome: 'failed', status, duration_ms, failure: failureOf(log, event) }
    }
    if (event.type === 'request.abandoned' || event.type === 'request.failed')
      return { ...told, outcome: 'cut', duration_ms: event.at - at }
  }
  return { ...told, outcome: 'running' }
}

function failureOf(log: Pick<LogReader, 'readFrom'>, event: EventOf<'attempt.failed'>): FailureTold {
  const { class: failure, message, retry_after_ms, delivered } = event.data
  return { class: failure, message, retry_after_ms, delivered, followed: followed(log, event) }
}

/** Decisions that a failure led to stand behind it in the log; these are more than there ever are. */
const FOLLOWING_MOST = 50

/** What a failure led to: for its LLM, and for its request. */
function followed(
  log: Pick<LogReader, 'readFrom'>,
  { seq, llm, request }: EventOf<'attempt.failed'>,
): string[] {
  const lines: string[] = []
  for (const event of log.readFrom(seq + 1)) {
    if (event.seq > seq + FOLLOWING_MOST || /^(attempt|timer|process)\.|\.received$/.test(event.type)) break
    const isOfLlm = event.request === null && event.llm === llm && event.type !== 'llm.exhausted'
    if (!isOfLlm && event.request !== request) continue
    const line = narrate(event)
    if (line !== null) lines.push(`${isOfLlm ? `${llm} ` : ''}${line.text.replace(/ {2,}/, ' ')}`)
  }
  return lines
}
