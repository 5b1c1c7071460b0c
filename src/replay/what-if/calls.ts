import type { Balancer } from '../../actors/balancer.ts'
import type { Event, EventOf, Failure } from '../../core/events.ts'
import type { LlmSpec } from '../../core/types.ts'
import type { VirtualClock } from '../../sim/clock.ts'
import { type Providers, tokensOf } from './providers.ts'
import type { RecordedRequest } from './recorded.ts'
import type { Service, Services, Source } from './service.ts'

/** A refusal for a limit comes back after this time. */
const REFUSAL_MS = 100

/** An attempt under way in the other world. */
interface Call {
  readonly request: string
  readonly spec: LlmSpec
  readonly attempt: number
  readonly at: number
  readonly service: Service
  /** Whether the head was heard already. */
  hasBegun: boolean
  timers: unknown[]
}

export interface CallsOptions {
  readonly clock: VirtualClock
  readonly specs: readonly LlmSpec[]
  readonly requests: ReadonlyMap<string, RecordedRequest>
  readonly services: Services
  readonly providers: Providers
  balancer(): Balancer
  /** A call is over that was not cut: whose it was, and where its time was from. */
  served(request: string, source: Source, isLengthRecorded: boolean): void
}

/** Carries out what was decided in the other world. */
export interface Calls {
  /** Told every event. Does nothing of its own accord while the world follows the log. */
  hear(event: Event): void
  /** What is under way ends by itself from now on, and so does what comes after. */
  release(): void
  dropAll(): void
}

export function createCalls(options: CallsOptions): Calls {
  const { clock, requests, services, providers, balancer } = options
  const specOf = new Map(options.specs.map((spec) => [spec.name, spec]))
  const underWay = new Map<string, Call>()
  let follows = true

  function dispatched({ request, llm, at, data }: EventOf<'request.dispatched'>): void {
    const spec = specOf.get(llm!)!
    const recorded = requests.get(request!)!
    const failure = providers.admit(request!, spec.name, tokensOf(recorded), at)
    const isRefused = failure !== null && !follows
    const service = isRefused ? refused(failure) : services.serviceOf(recorded, spec, at)
    const call = { request: request!, spec, attempt: data.attempt, at, service, hasBegun: false, timers: [] }
    underWay.set(call.request, call)
    if (!follows) run(call)
  }
  function run(call: Call): void {
    const { service, at } = call
    const after = (ms: number, act: () => void) =>
      call.timers.push(clock.setTimeout(act, at + ms - clock.now()))
    if (service.headMs !== null && !call.hasBegun) after(service.headMs, () => begin(call))
    after(service.endMs, () => end(call))
  }
  function begin({ request, spec, attempt, service }: Call): void {
    const data = { attempt, status: 200, headers_ms: service.headMs!, limits: [] }
    balancer().ingest('attempt.started', data, request, spec.name)
  }
  function end({ request, spec, attempt, service }: Call): void {
    const { outcome } = service
    if (outcome.type === 'attempt.finished')
      balancer().ingest(outcome.type, { ...outcome.data, attempt }, request, spec.name)
    else balancer().ingest(outcome.type, { ...outcome.data, attempt }, request, spec.name)
  }
  function served({ request, service }: Call): void {
    if (follows) options.served(request, 'recorded', true)
    else options.served(request, service.source, service.isLengthRecorded)
  }
  function over(call: Call, outputTokens: number, at: number): void {
    underWay.delete(call.request)
    for (const timer of call.timers) clock.clearTimeout(timer)
    providers.end(call.request, outputTokens, at)
  }
  return {
    hear(event) {
      const { request: id, at } = event
      if (id === null) return
      if (event.type === 'request.dispatched') return dispatched(event)
      const call = underWay.get(id)
      if (call === undefined) return
      if (event.type === 'attempt.started') call.hasBegun = true
      if (event.type === 'attempt.finished' || event.type === 'attempt.failed') served(call)
      if (event.type === 'attempt.finished') over(call, event.data.usage?.output_tokens ?? 0, at)
      else if (ENDS.has(event.type)) over(call, 0, at)
    },
    release() {
      if (!follows) return
      follows = false
      for (const call of underWay.values()) run(call)
    },
    dropAll() {
      for (const call of underWay.values()) over(call, 0, clock.now())
    },
  }
}

const ENDS: ReadonlySet<string> = new Set([
  'attempt.failed',
  'request.abandoned',
  'request.completed',
  'request.failed',
])

function refused(failure: Failure): Service {
  const data = { ...failure, attempt: 0, duration_ms: REFUSAL_MS, delivered: false, limits: [] }
  const outcome = { type: 'attempt.failed' as const, data }
  return { headMs: null, endMs: REFUSAL_MS, outcome, source: 'refused', isLengthRecorded: true }
}
