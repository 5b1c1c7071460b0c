import type { Event } from '../../core/events.ts'
import type { LlmSpec } from '../../core/types.ts'
import { seconds } from '../../log/narrate.ts'
import type { AskedFor, CandidateAt, DecisionAt, End, Instead } from './explanation.ts'

/** What a request was told that was not served, and what it had asked for. */
export interface Refused {
  readonly end: End
  readonly asked: AskedFor
  readonly specs: readonly LlmSpec[]
  readonly arrival: DecisionAt
  readonly instead: readonly Instead[]
}

/** What would have helped a request that was refused or expired, in sentences. */
export function helpOf({ end, asked, specs, arrival: { candidates }, instead }: Refused): string[] {
  const maxWaitMs = asked.max_wait_ms
  switch (end.code) {
    case 'model_not_found':
      return ['A name that exists: `llb check` and GET /v1/models list them.']
    case 'context_length_exceeded':
    case 'unsupported_mode':
    case 'out_of_bounds':
      return candidates.map((candidate, i) => `For ${candidate.llm}: ${wayIn(candidate, asked, specs[i]!)}.`)
    case 'no_llm_enabled':
      return candidates.flatMap(enablement)
    case 'queue_full':
      return ['A higher bound on the queue, as named in the message, or coming later.']
    case 'shutting_down':
      return ['Another process: this one was being stopped.']
    case 'wait_too_long':
      return [longerWait(maxWaitMs, end), ...raises(instead)]
    case 'wait_expired':
      return [
        ...raises(instead),
        `A longest wait of more than ${seconds(maxWaitMs)} (x-llb-max-wait, queue.max_wait).`,
      ]
    default:
      return []
  }
}

/** What would have let a request in that an LLM could never take, or which of its limits did not. */
function wayIn({ never, context, cost_nano_usd: cost }: CandidateAt, asked: AskedFor, spec: LlmSpec): string {
  const { min_quality: least, max_cost_nano_usd: most } = asked
  const ways: string[] = []
  const over = context.tokens - context.length
  if (over > 0) ways.push(`${over} tokens less, or a context_length of at least ${context.tokens}`)
  if (least !== null && spec.quality < least) ways.push(`a min_quality of at most ${spec.quality / 1000}`)
  if (most !== null && cost > most) ways.push(`a max_cost of at least ${(cost / 1e9).toFixed(9)} USD`)
  return ways.length === 0 ? `it does not fit (${never})` : ways.join(', and ')
}

function enablement({ llm, never, because }: CandidateAt): string[] {
  return never === null ? [`${llm}: ${because}.`] : []
}

/** A refused request is told when to come again so that it is in time: by then it may wait as long as before. */
function longerWait(maxWaitMs: number, { retry_after_ms: again }: End): string {
  const needed = maxWaitMs + (again ?? 0)
  return `A longest wait of about ${seconds(needed)} instead of ${seconds(maxWaitMs)} (x-llb-max-wait, queue.max_wait), or coming again ${seconds(again ?? 0)} later.`
}

function raises(instead: readonly Instead[]): string[] {
  return instead.filter(({ raise }) => raise.length > 0).map(({ text }) => text)
}

/** How a request ended, and what its client was told; null while it has not. */
export function endOf(own: readonly Event[], at: number, toldWait: number): End | null {
  const last = own.at(-1)!
  const end = { seq: last.seq, at: last.at, duration_ms: last.at - at, wait_ms: toldWait }
  const plain = { status: null, code: null, message: null, retry_after_ms: null }
  switch (last.type) {
    case 'request.completed':
      return { ...end, ...plain, status: 200, wait_ms: last.data.wait_ms }
    case 'request.failed': {
      const { status, code, message, wait_ms } = last.data
      return { ...end, status, code, message, retry_after_ms: null, wait_ms }
    }
    case 'request.rejected':
      return { ...end, ...last.data }
    case 'request.expired': {
      const { wait_ms, waited_for, retry_after_ms } = last.data
      const message = `no LLM had room in time; it waited for ${waited_for}`
      return { ...end, status: 429, code: 'wait_expired', message, retry_after_ms, wait_ms }
    }
    case 'request.abandoned':
      return { ...end, ...plain, message: `its client left while it was ${last.data.while}` }
    default:
      return null
  }
}
