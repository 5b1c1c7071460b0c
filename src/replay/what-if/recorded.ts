import type { Deciding } from '../../config/policy.ts'
import { type Event, type EventOf, type InputData, isTerminal } from '../../core/events.ts'
import type { LlmSpec } from '../../core/types.ts'

/** How an attempt went that the log knows. */
export interface RecordedAttempt {
  /** The LLM as it was configured then. */
  readonly spec: LlmSpec
  readonly at: number
  /** From the decision to the head of a stream, in ms; null where there was none. */
  headMs: number | null
  /** From the decision to the end, in ms; as far as it came where it was cut. */
  endMs: number
  /** Its answer or its failure, without what was said of limits; null where it was cut. */
  outcome: Outcome | null
  /** Whether the other world has had it. */
  used: boolean
}

export type Outcome =
  | { readonly type: 'attempt.finished'; readonly data: InputData['attempt.finished'] }
  | { readonly type: 'attempt.failed'; readonly data: InputData['attempt.failed'] }

/** What the log knows of a request. */
export interface RecordedRequest {
  readonly at: number
  readonly client: string
  readonly model: string
  readonly stream: boolean
  readonly inputTokens: number
  /** The client's own bound of the answer. */
  readonly boundTokens: number | null
  readonly attempts: RecordedAttempt[]
  /** Tokens of the answer; null where it had none, or none that was told. */
  answerTokens: number | null
  ended: boolean
}

/** All that a part of a log knows of its requests: one record for each. */
export interface Recording {
  readonly requests: ReadonlyMap<string, RecordedRequest>
  take(event: Event): void
}

/** @param llms The LLMs as they were configured before the first start that comes. */
export function createRecording(llms: readonly LlmSpec[]): Recording {
  const requests = new Map<string, RecordedRequest>()
  let specs = byName(llms)

  function ofRequest(request: RecordedRequest, event: Event): void {
    if (event.type === 'request.dispatched') return dispatched(request, event, specs.get(event.llm!))
    const attempt = request.attempts.at(-1)
    if (attempt !== undefined && attempt.outcome === null) {
      attempt.endMs = event.at - attempt.at
      if (event.type === 'attempt.started') attempt.headMs = attempt.endMs
      else if (event.type === 'attempt.finished') {
        attempt.outcome = { type: event.type, data: { ...event.data, limits: [] } }
        request.answerTokens = event.data.usage?.output_tokens ?? null
      } else if (event.type === 'attempt.failed')
        attempt.outcome = { type: event.type, data: { ...event.data, limits: [] } }
    }
    if (isTerminal(event.type)) request.ended = true
  }
  return {
    requests,
    take(event) {
      if (event.type === 'process.started' && event.data.config !== null)
        specs = byName((event.data.config as Deciding).llms)
      if (event.request === null) return
      if (event.type === 'request.received') requests.set(event.request, requestOf(event))
      else {
        const request = requests.get(event.request)
        if (request !== undefined) ofRequest(request, event)
      }
    },
  }
}

function byName(specs: readonly LlmSpec[]): Map<string, LlmSpec> {
  return new Map(specs.map((spec) => [spec.name, spec]))
}

function dispatched(
  { attempts }: RecordedRequest,
  { at }: EventOf<'request.dispatched'>,
  spec: LlmSpec | undefined,
): void {
  if (spec !== undefined) attempts.push({ spec, at, headMs: null, endMs: 0, outcome: null, used: false })
}

function requestOf({ at, data }: EventOf<'request.received'>): RecordedRequest {
  const { client, model, stream, input_tokens: inputTokens, output_tokens: boundTokens } = data
  const none = { attempts: [], answerTokens: null, ended: false }
  return { at, client, model, stream, inputTokens, boundTokens, ...none }
}
