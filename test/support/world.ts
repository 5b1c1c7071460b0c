import { type Balancer, createBalancer } from '../../src/actors/balancer.ts'
import type { Policy } from '../../src/core/dispatch-state.ts'
import type {
  DecisionEvent,
  Event,
  EventOf,
  EventType,
  FailureClass,
  InputData,
  LimitReport,
} from '../../src/core/events.ts'
import type { Llm } from '../../src/core/llm.ts'
import type { LlmSpec } from '../../src/core/types.ts'
import { arrival, startsOf } from './llms.ts'
import { createVirtualClock, START, type VirtualClock } from './virtual-clock.ts'

/** The actor system on a virtual clock, with everything it recorded. */
export interface World {
  readonly clock: VirtualClock
  readonly balancer: Balancer
  readonly events: Event[]
  /** Bugs that took the dispatcher down. */
  readonly fatal: string[]
  /** A request arrives; returns its id. */
  arrives(request?: Partial<InputData['request.received']>): string
  /** The attempt under way ends well, with the usage given or with none reported. */
  finishes(request: string, usage?: { input: number; output: number } | null, limits?: LimitReport[]): void
  fails(request: string, failure: FailureClass, rest?: Partial<InputData['attempt.failed']>): void
  leaves(request: string): void
  /** What was recorded of a kind. */
  all<T extends EventType>(type: T): EventOf<T>[]
  /** The LLM that a request was last dispatched to. */
  llmOf(request: string): string | null
  statusOf(llm: string): string
}

export interface WorldOptions {
  readonly specs: readonly LlmSpec[]
  readonly policy?: Partial<Policy>
  readonly llms?: readonly Llm[]
  readonly clock?: VirtualClock
  readonly disabled?: Readonly<Record<string, string>>
}

export function policyOf(specs: readonly LlmSpec[], rest: Partial<Policy> = {}): Policy {
  const weights = { cost: 0.5, quality: 0.5, speed: 0 }
  return {
    specs,
    rules: [],
    weights,
    maxRequests: 1000,
    maxBytes: 1e9,
    maxAttempts: 4,
    maxRequestsPerClient: 1000,
    maxBytesPerClient: 1e9,
    clientWeights: {},
    earlyRefusal: 'off',
    ...rest,
  }
}

/** Statuses with which providers send each kind of failure; null where nothing was answered. */
export const STATUS_OF: Readonly<Record<FailureClass, number | null>> = {
  unreachable: null,
  timeout: null,
  interrupted: null,
  rate_limited: 429,
  quota_exhausted: 429,
  overloaded: 503,
  server_error: 500,
  invalid_answer: 200,
  unauthorized: 401,
  not_found: 404,
  too_large: 413,
  bad_request: 400,
  internal: null,
}

export function failureOf(
  failure: FailureClass,
  rest: Partial<InputData['attempt.failed']> = {},
): InputData['attempt.failed'] {
  return {
    class: failure,
    status: STATUS_OF[failure],
    message: 'no',
    retry_after_ms: null,
    limit: null,
    attempt: 1,
    duration_ms: 10,
    delivered: false,
    limits: [],
    ...rest,
  }
}

export function openWorld({
  specs,
  policy,
  llms,
  clock = createVirtualClock(),
  disabled,
}: WorldOptions): World {
  const events: Event[] = []
  const fatal: string[] = []
  const balancer = createBalancer(
    {
      policy: policyOf(specs, policy),
      llms: llms ?? startsOf(specs, START, disabled),
      clock,
      lastSeq: 0,
      record: (event) => void events.push(event),
      fatal: (message) => void fatal.push(message),
    },
    'test_',
  )
  const attemptOf = (request: string) => balancer.state.running.get(request)!.pending.attempts
  const all = <T extends EventType>(type: T) =>
    events.filter((event): event is Event & EventOf<T> => event.type === type)
  const llmOf = (request: string) =>
    all('request.dispatched').findLast((event) => event.request === request)?.llm ?? null
  return {
    clock,
    balancer,
    events,
    fatal,
    arrives(request) {
      const id = balancer.nextRequestId()
      balancer.ingest('request.received', arrival(request), id)
      return id
    },
    finishes(request, used = null, limits = []) {
      const usage = used && { input_tokens: used.input, output_tokens: used.output, cached_tokens: 0 }
      const times = { first_byte_ms: 5, duration_ms: 10 }
      const answer = { status: 200, finish_reason: 'stop', output_bytes: 0, usage, limits, ...times }
      const attempt = attemptOf(request)
      balancer.ingest('attempt.finished', { attempt, ...answer }, request, llmOf(request))
    },
    fails(request, failure, rest) {
      const data = failureOf(failure, { attempt: attemptOf(request), ...rest })
      balancer.ingest('attempt.failed', data, request, llmOf(request))
    },
    leaves(request) {
      const running = balancer.state.running.has(request)
      balancer.ingest('request.abandoned', { while: running ? 'running' : 'queued' }, request)
    },
    all,
    llmOf,
    statusOf: (name) => balancer.views.find(({ spec }) => spec.name === name)!.status,
  }
}

const INPUTS: ReadonlySet<EventType> = new Set<EventType>([
  'process.started',
  'request.received',
  'request.abandoned',
  'attempt.started',
  'attempt.finished',
  'attempt.failed',
  'timer.fired',
  'config.changed',
  'clock.jumped',
  'log.resumed',
  'process.stopping',
])

/** Whether an event is a decision, which replaying the inputs has to give again. */
export function isDecision(event: Event): event is DecisionEvent {
  return !INPUTS.has(event.type)
}
