import type { Balancer } from '../actors/balancer.ts'
import type { EventOf, Failure, LimitReport } from '../core/events.ts'
import type { LlmSpec } from '../core/types.ts'
import type { Arrival } from './arrivals.ts'
import type { VirtualClock } from './clock.ts'
import { timeoutFailure } from './faults.ts'
import type { Provider, ProviderSpec } from './provider.ts'
import type { Answer } from './provider-call.ts'
import type { CallTokens } from './quota.ts'

/** An attempt under way. */
interface Attempt {
  readonly request: string
  readonly number: number
  readonly spec: LlmSpec
  readonly startedAt: number
  hangUp(): void
  /** Strikes when nothing is heard for too long. */
  timer: unknown
  /** Time to the first byte; null as long as there was none. */
  firstByteMs: number | null
}

export interface CallsOptions {
  readonly clock: VirtualClock
  readonly specs: readonly LlmSpec[]
  readonly providers: readonly Provider[]
  balancer(): Balancer
}

/** Carries out what was decided, and reports how it went: the part of the upstream adapters. */
export interface Calls {
  start(event: EventOf<'request.dispatched'>, arrival: Arrival): void
  /** Hangs up on the provider, if the request has an attempt under way; whether it had one. */
  drop(request: string): boolean
  dropAll(): void
}

export function createCalls({ clock, specs, providers, balancer }: CallsOptions): Calls {
  const underWay = new Map<string, Attempt>()
  const specOf = new Map(specs.map((spec) => [spec.name, spec]))
  const providerOf = new Map(providers.map((provider) => [provider.spec.llm, provider]))

  const over = (attempt: Attempt) => {
    clock.clearTimeout(attempt.timer)
    underWay.delete(attempt.request)
  }
  const wait = (attempt: Attempt, ms: number, missing: string) => {
    attempt.timer = clock.setTimeout(() => {
      attempt.hangUp()
      fail(attempt, timeoutFailure(missing, ms), attempt.firstByteMs !== null, [])
    }, ms)
  }
  const fail = (attempt: Attempt, failure: Failure, delivered: boolean, limits: LimitReport[]) => {
    over(attempt)
    const duration_ms = clock.now() - attempt.startedAt
    const data = { ...failure, attempt: attempt.number, duration_ms, delivered, limits }
    balancer().ingest('attempt.failed', data, attempt.request, attempt.spec.name)
  }
  const hear = (attempt: Attempt, answer: Answer) => {
    const { request, number, spec, startedAt } = attempt
    const sinceMs = clock.now() - startedAt
    switch (answer.kind) {
      case 'head': {
        clock.clearTimeout(attempt.timer)
        attempt.firstByteMs = sinceMs
        const head = { attempt: number, status: 200, headers_ms: sinceMs, limits: answer.limits }
        balancer().ingest('attempt.started', head, request, spec.name)
        return
      }
      case 'silent':
        return wait(attempt, spec.idleTimeoutMs, 'nothing more came')
      case 'failed':
        return fail(attempt, answer.failure, answer.delivered, answer.limits)
      case 'finished': {
        over(attempt)
        const { usage, limits } = answer
        const times = { first_byte_ms: attempt.firstByteMs ?? sinceMs, duration_ms: sinceMs }
        const finished = { status: 200, limits, usage, finish_reason: 'stop', output_bytes: 0, ...times }
        balancer().ingest('attempt.finished', { attempt: number, ...finished }, request, spec.name)
      }
    }
  }
  return {
    start({ request, llm, data }, arrival) {
      const provider = providerOf.get(llm!)!
      const attempt: Attempt = {
        request: request!,
        number: data.attempt,
        spec: specOf.get(llm!)!,
        startedAt: clock.now(),
        hangUp: () => {},
        timer: undefined,
        firstByteMs: null,
      }
      underWay.set(attempt.request, attempt)
      wait(attempt, attempt.spec.firstByteTimeoutMs, 'no answer')
      const outgoing = { tokens: tokensAt(provider.spec, arrival), stream: arrival.stream }
      attempt.hangUp = provider.send(outgoing, (answer) => hear(attempt, answer))
    },
    drop(request) {
      const attempt = underWay.get(request)
      if (attempt === undefined) return false
      attempt.hangUp()
      over(attempt)
      return true
    },
    dropAll() {
      for (const attempt of underWay.values()) {
        attempt.hangUp()
        clock.clearTimeout(attempt.timer)
      }
      underWay.clear()
    },
  }
}

/** What a request takes as this provider counts it. */
function tokensAt({ countPermille, overheadTokens }: ProviderSpec, arrival: Arrival): CallTokens {
  const counted = (tokens: number) => Math.ceil((tokens * countPermille) / 1000)
  return {
    input: counted(arrival.inputTokens) + overheadTokens,
    cached: counted(arrival.cachedTokens),
    bound: arrival.boundTokens,
    output: arrival.answerTokens,
  }
}
