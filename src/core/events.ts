import type { Mode, Priority, Unit, Weights } from './types.ts'

/**
 * The event catalogue. Inputs are facts from outside; decisions are what the balancer made of them.
 * Replaying the inputs gives the same decisions. Field names are written as they stand in the log: units last.
 */

/** Why an attempt failed; each class is answered differently (see `docs/events.md`). */
export const FAILURE_CLASSES = [
  'unreachable',
  'timeout',
  'interrupted',
  'rate_limited',
  'quota_exhausted',
  'overloaded',
  'server_error',
  'invalid_answer',
  'unauthorized',
  'not_found',
  'too_large',
  'bad_request',
  'internal',
] as const
export type FailureClass = (typeof FAILURE_CLASSES)[number]

export interface Usage {
  input_tokens: number
  output_tokens: number
  cached_tokens: number
}

/** What a provider said of one of its limits in the headers of an answer. */
export interface LimitReport {
  unit: Unit
  /** Window length in ms; null where the header does not say. */
  per_ms: number | null
  limit: number | null
  remaining: number | null
  /** Time until the limit is completely free again. */
  reset_ms: number | null
}

/** A failed attempt as the upstream adapters describe it. */
export interface Failure {
  class: FailureClass
  /** HTTP status of the provider; null when there was no answer. */
  status: number | null
  /** The provider's own words, shortened, without keys or prompts. */
  message: string
  /** How long the provider asked us to wait. */
  retry_after_ms: number | null
  /** Which limit the provider named, where it did. */
  limit: { unit: Unit | null; per_ms: number | null } | null
}

/**
 * What taught something of a limit.
 * - `remaining`: a provider had less left than is known here
 * - `limit_header`: a provider told its limit
 * - `hidden_window`: it refused a call for what was sent within seconds
 * - `refused`: it refused a call although the limit had room
 * - `foreign`: it refused a call while others are seen to use the limit
 * - `clean_window`: a lowered limit was used up and nothing was refused
 * - `window_header`: headers showed how a limit is counted
 * - `window_contradicted`: a header showed that it is not counted so
 * - `window_refused`: the same, shown by a refusal
 */
export const LESSON_CAUSES = [
  'remaining',
  'limit_header',
  'hidden_window',
  'refused',
  'foreign',
  'clean_window',
  'window_header',
  'window_contradicted',
  'window_refused',
] as const
export type LessonCause = (typeof LESSON_CAUSES)[number]

/** Whether a lesson is about how a limit is counted, not about how much it is. */
export function isOfWindow(cause: LessonCause): boolean {
  return cause === 'window_header' || cause === 'window_contradicted' || cause === 'window_refused'
}

/** How a limit was learned to be counted. */
export interface LearnedWindow {
  window: 'fixed' | 'bucket' | 'sliding'
  /** When a fixed window begins, in ms since 1970, modulo its length; else null. */
  phase_ms: number | null
  /** How far a call may be off from what is known of the window, in ms. */
  guard_ms: number
}

/** Something learned of a limit. */
export interface LimitLesson {
  /** The declared limit that it is about. */
  limit: string
  cause: LessonCause
  /** For people. */
  because: string
  /** What is declared, per window of the limit. */
  declared: number
  /** What is in force from now on; for a hidden window beside the limit. Null when that did not change. */
  in_force: ({ amount: number; per_ms: number } & Partial<LearnedWindow>) | null
  /** What others used, and until when it counts; null when that is not what was learned. */
  amount: number | null
  until: number | null
}

/** One LLM that was looked at for a request: the parts of its score, or the reason why not. */
export type Candidate =
  | { llm: string; score: number; cost: number; quality: number; speed: number }
  | { llm: string; excluded: string }

/** Tokens set aside for an attempt before it runs. */
export interface Reservation {
  input_tokens: number
  output_tokens: number
}

export interface InputData {
  'process.started': {
    version: string
    runtime: string
    seed: number
    config_hash: string
    /** The full form, without secrets: what decides is derived from it as it stands here. */
    config: unknown
    /** The instant as of which the state at the start was taken from the log; null where version 1 did not say. */
    recovered_at: number | null
    /** LLMs that start disabled, and why. */
    disabled: { llm: string; because: string }[]
  }
  'request.received': {
    client: string
    endpoint: string
    model: string
    modes: Mode[]
    tools: boolean
    structured: boolean
    stream: boolean
    body_bytes: number
    /** Estimate before correction per LLM. */
    input_tokens: number
    /** The client's own upper bound; null when it gave none. */
    output_tokens: number | null
    /** How many answers are asked for at once. */
    choices: number
    priority: Priority
    max_wait_ms: number
    weights: Weights | null
    /** Thousandths that the quality of an LLM has to reach; null when the client asks nothing. */
    min_quality: number | null
    /** What the whole call may cost by its estimate; null when the client asks nothing. */
    max_cost_nano_usd: number | null
  }
  'request.abandoned': { while: 'queued' | 'running' }
  /** The head of a streamed answer. A whole answer is one event, `attempt.finished`. */
  'attempt.started': {
    attempt: number
    status: number
    headers_ms: number
    limits: LimitReport[]
  }
  'attempt.finished': {
    attempt: number
    status: number
    /** Empty for a stream, whose limits `attempt.started` told. */
    limits: LimitReport[]
    usage: Usage | null
    finish_reason: string | null
    first_byte_ms: number
    duration_ms: number
    output_bytes: number
  }
  'attempt.failed': Failure & {
    attempt: number
    duration_ms: number
    delivered: boolean
    limits: LimitReport[]
  }
  'timer.fired': { timer: number }
  'config.changed': { config_hash: string; config: unknown }
  'clock.jumped': { by_ms: number }
  /** The log could not be written for so long, and lacks so many events because of that. */
  'log.resumed': { dropped: number; failing_ms: number }
  'process.stopping': { reason: string; drain_ms: number }
}

export interface DecisionData {
  'request.queued': {
    position: number
    waiting_for: string
    /** When it is expected to start, what waits before it counted; null when nothing tells. */
    eta_ms: number | null
    /** Present in a dry run of `queue.early_refusal`: it would have been refused. */
    would_refuse?: boolean
    /** Present where it was refused early before and comes again as it was told: it goes before others. */
    came_again?: boolean
  }
  'request.dispatched': {
    attempt: number
    reserved: Reservation
    wait_ms: number
    waited_for: string | null
    candidates: Candidate[]
  }
  'request.retried': {
    attempt: number
    because: FailureClass
    message: string
  }
  'request.completed': {
    attempts: number
    input_tokens: number
    output_tokens: number
    /** True when the provider reported no usage and the estimate was charged. */
    estimated: boolean
    cost_nano_usd: number
    wait_ms: number
    duration_ms: number
  }
  'request.failed': {
    attempts: number
    status: number
    code: string
    message: string
    cost_nano_usd: number
    wait_ms: number
  }
  'request.rejected': {
    status: number
    code: string
    message: string
    retry_after_ms: number | null
  }
  'request.expired': {
    wait_ms: number
    waited_for: string
    retry_after_ms: number | null
  }
  'llm.available': { after: 'started' | 'exhausted' | 'cooling'; ms: number }
  'llm.exhausted': { limit: string; until: number | null }
  'llm.cooling': { because: FailureClass; message: string; until: number }
  'llm.disabled': { because: string }
  'llm.limit_learned': LimitLesson
  'llm.crashed': { message: string }
}

export type InputType = keyof InputData
export type DecisionType = keyof DecisionData
export type EventType = InputType | DecisionType
export type EventData = InputData & DecisionData

/** One row of the log. `seq` is gapless, `at` is ms since 1970 and never goes back within a process. */
export interface EventOf<T extends EventType> {
  readonly seq: number
  readonly at: number
  readonly type: T
  readonly v: number
  readonly request: string | null
  readonly llm: string | null
  readonly data: EventData[T]
}
export type Event = { [T in EventType]: EventOf<T> }[EventType]
export type InputEvent = { [T in InputType]: EventOf<T> }[InputType]
export type DecisionEvent = { [T in DecisionType]: EventOf<T> }[DecisionType]

/** Exactly one event of these ends a request. */
export const TERMINAL_TYPES = [
  'request.completed',
  'request.failed',
  'request.rejected',
  'request.expired',
  'request.abandoned',
] as const satisfies readonly EventType[]
const TERMINAL: ReadonlySet<EventType> = new Set(TERMINAL_TYPES)

/** Whether an event of this type ends its request. */
export function isTerminal(type: EventType): boolean {
  return TERMINAL.has(type)
}
