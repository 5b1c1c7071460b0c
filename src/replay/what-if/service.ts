import type { InputData } from '../../core/events.ts'
import type { LlmSpec } from '../../core/types.ts'
import { timeoutFailure } from '../../sim/faults.ts'
import { ORDINARY_SPEED } from '../../sim/truth.ts'
import { isSameAccount, isSameModel } from './match.ts'
import { createOutages } from './outages.ts'
import type { Outcome, RecordedAttempt, RecordedRequest } from './recorded.ts'

/** Where the time of a call is from; `refused` is that of a refusal for a declared limit. */
export type Source = 'recorded' | 'measured' | 'configured' | 'assumed' | 'refused'

/** How a call will go: when its head comes and when it ends, in ms from its start, and with what. */
export interface Service {
  readonly headMs: number | null
  readonly endMs: number
  readonly outcome: Outcome
  readonly source: Source
  /** Whether the length of the answer is that of the log. */
  readonly isLengthRecorded: boolean
}

interface Speed {
  readonly firstByteMs: number
  readonly tokensPerSecond: number
  /** Tokens that the provider counts for 1000 of the estimate. */
  readonly countPermille: number
  readonly source: Source
}

/** Tokens of an answer where not one is known. */
const ORDINARY_ANSWER = 250
/** Failures of a key or of its quota, which another key would not have met. */
const OF_ACCOUNT: ReadonlySet<string> = new Set(['rate_limited', 'quota_exhausted', 'unauthorized'])

export interface Services {
  /**
   * How a call to an LLM goes that begins at `at`. As in the log, where that has an attempt of the same request at the
   * same model that was not used yet; a refusal of a key or its quota is for the same key alone. While the model was
   * out of order, it fails. Else the answer is as long as in the log, wherever it was from, and as fast as that model
   * mostly was.
   */
  serviceOf(request: RecordedRequest, spec: LlmSpec, at: number): Service
}

/** @param requests All that the log has. */
export function createServices(requests: ReadonlyMap<string, RecordedRequest>): Services {
  const samples = new Samples()
  const outages = createOutages(requests.values())
  for (const request of requests.values()) samples.take(request)
  const usualAnswer = medianOf(samples.answers) ?? ORDINARY_ANSWER
  const speeds = new Map<LlmSpec, Map<boolean, Speed>>()
  const speedOf = (spec: LlmSpec, stream: boolean): Speed => {
    const known = speeds.get(spec) ?? new Map<boolean, Speed>()
    speeds.set(spec, known)
    const speed = known.get(stream) ?? samples.speedOf(spec, stream)
    known.set(stream, speed)
    return speed
  }

  function modelled(request: RecordedRequest, spec: LlmSpec, leastMs: number): Service {
    const { stream, answerTokens, boundTokens, inputTokens } = request
    const speed = speedOf(spec, stream)
    const output = answerTokens ?? Math.min(usualAnswer, boundTokens ?? usualAnswer)
    const producingMs = Math.ceil((output * 1000) / speed.tokensPerSecond)
    const endMs = Math.max(speed.firstByteMs + producingMs, leastMs)
    const usage = {
      input_tokens: Math.ceil((inputTokens * speed.countPermille) / 1000),
      output_tokens: output,
      cached_tokens: 0,
    }
    const first_byte_ms = stream ? speed.firstByteMs : endMs
    const data = { ...ANSWER, usage, first_byte_ms, duration_ms: endMs }
    return {
      headMs: stream ? speed.firstByteMs : null,
      endMs,
      outcome: { type: 'attempt.finished', data },
      source: speed.source,
      isLengthRecorded: answerTokens !== null,
    }
  }
  return {
    serviceOf(request, spec, at) {
      const known = request.attempts.find((attempt) => isMeant(attempt, spec))
      const isRecorded = known?.at === at || known?.outcome?.type === 'attempt.failed'
      const failure = isRecorded ? null : outages.failureAt(spec, at)
      if (failure !== null) return failing(failure)
      if (known === undefined) return inTime(modelled(request, spec, 0), spec)
      known.used = true
      const { headMs, endMs, outcome } = known
      // Nobody knows how long a call would have taken that was cut: at least a little longer.
      if (outcome === null) return inTime(modelled(request, spec, endMs + 1), spec)
      return inTime({ headMs, endMs, outcome, source: 'recorded', isLengthRecorded: true }, spec)
    },
  }
}

/** A call of another request that fails as this one did. Its client was given nothing. */
function failing({ endMs, outcome }: RecordedAttempt): Service {
  const { type, data } = outcome as Extract<Outcome, { type: 'attempt.failed' }>
  const failed = { type, data: { ...data, delivered: false } }
  return { headMs: null, endMs, outcome: failed, source: 'measured', isLengthRecorded: true }
}

const ANSWER = {
  attempt: 0,
  status: 200,
  limits: [],
  finish_reason: 'stop',
  output_bytes: 0,
} satisfies Partial<InputData['attempt.finished']>

function isMeant({ used, spec, outcome }: RecordedAttempt, other: LlmSpec): boolean {
  if (used) return false
  const ofAccount = outcome?.type === 'attempt.failed' && OF_ACCOUNT.has(outcome.data.class)
  return ofAccount ? isSameAccount(spec, other) : isSameModel(spec, other)
}

/** The balancer waits no longer for the first byte than the configuration says. */
function inTime(service: Service, spec: LlmSpec): Service {
  const { outcome } = service
  const timeoutMs = spec.firstByteTimeoutMs
  if (outcome.type === 'attempt.failed' || outcome.data.first_byte_ms <= timeoutMs) return service
  const failure = timeoutFailure('no answer', timeoutMs)
  const data = { ...failure, attempt: 0, duration_ms: timeoutMs, delivered: false, limits: [] }
  return { ...service, headMs: null, endMs: timeoutMs, outcome: { type: 'attempt.failed', data } }
}

/** Answers of one model, by whether they were streamed. */
interface ModelSamples {
  readonly spec: LlmSpec
  readonly stream: boolean
  readonly firstBytesMs: number[]
  readonly tokensPerSecond: number[]
  readonly countPermille: number[]
}

/** What the answers of the log tell of the speed of each model. */
class Samples {
  readonly answers: number[] = []
  readonly #models: ModelSamples[] = []
  readonly #known = new Map<LlmSpec, Map<boolean, ModelSamples>>()

  take({ attempts, stream, inputTokens }: RecordedRequest): void {
    for (const { spec, outcome } of attempts) {
      if (outcome?.type !== 'attempt.finished' || outcome.data.usage === null) continue
      const { usage, first_byte_ms: firstByteMs, duration_ms: durationMs } = outcome.data
      const model = this.#modelOf(spec, stream)
      const producingMs = Math.max(1, stream ? durationMs - firstByteMs : durationMs)
      this.answers.push(usage.output_tokens)
      model.firstBytesMs.push(stream ? firstByteMs : 0)
      model.tokensPerSecond.push((usage.output_tokens * 1000) / producingMs)
      if (inputTokens > 0) model.countPermille.push((usage.input_tokens * 1000) / inputTokens)
    }
  }

  /** Streams and whole answers are measured apart; where there is only the other kind, that has to do. */
  speedOf(spec: LlmSpec, stream: boolean): Speed {
    const same = this.#models.filter((model) => isSameModel(model.spec, spec))
    const own = same.find((model) => model.stream === stream) ?? same[0]
    const perSecond = medianOf(own?.tokensPerSecond ?? [])
    if (own !== undefined && perSecond !== null && perSecond > 0)
      return {
        firstByteMs: medianOf(own.firstBytesMs) ?? 0,
        tokensPerSecond: perSecond,
        countPermille: medianOf(own.countPermille) ?? 1000,
        source: 'measured',
      }
    const { simulated } = spec
    return {
      firstByteMs: simulated?.latencyMs ?? ORDINARY_SPEED.firstByteMs,
      tokensPerSecond: simulated?.tokensPerSecond ?? ORDINARY_SPEED.tokensPerSecond,
      countPermille: 1000,
      source: simulated === null ? 'assumed' : 'configured',
    }
  }

  #modelOf(spec: LlmSpec, stream: boolean): ModelSamples {
    const known = this.#known.get(spec) ?? new Map<boolean, ModelSamples>()
    this.#known.set(spec, known)
    const model = known.get(stream) ?? this.#found(spec, stream)
    known.set(stream, model)
    return model
  }

  #found(spec: LlmSpec, stream: boolean): ModelSamples {
    const found = this.#models.find((one) => one.stream === stream && isSameModel(one.spec, spec))
    if (found !== undefined) return found
    const model = { spec, stream, firstBytesMs: [], tokensPerSecond: [], countPermille: [] }
    this.#models.push(model)
    return model
  }
}

/** The upper one of the two in the middle; null of none. */
function medianOf(values: readonly number[]): number | null {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? null
}
