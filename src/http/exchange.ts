import type { ChatBody } from '../core/chat.ts'
import type { Event, EventOf, Failure, InputData, LimitReport, Usage } from '../core/events.ts'
import { expired, failed, type Refusal } from '../core/refusal.ts'
import type { ApiType } from '../core/types.ts'
import type { Call } from '../upstream/adapter.ts'
import { type CallOutcome, callUpstream, type ErrorAnswer } from '../upstream/call.ts'
import { discreet, WITHHELD } from '../upstream/discreet.ts'
import { type RelayOutcome, relayStream } from '../upstream/relay.ts'
import { errorEvent, isOpenaiError } from './errors.ts'
import type { Gateway } from './gateway.ts'
import type { Place } from './heartbeats.ts'
import { Reply } from './reply.ts'
import { usdOf } from './usd.ts'

/** One client request, ready to be put to the balancer. */
export interface Incoming {
  readonly body: ChatBody
  readonly received: InputData['request.received']
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
}

type Answered = Extract<CallOutcome, { kind: 'answered' }>
type Streaming = Extract<CallOutcome, { kind: 'streaming' }>

/** Providers whose error answers have the client's own format. */
const RELAYED: ReadonlySet<ApiType> = new Set(['openai', 'groq', 'simulated'])

/** One attempt under way. */
interface Attempt {
  readonly number: number
  readonly llm: string
  readonly startedAt: number
  readonly call: Call
  readonly controller: AbortController
}

/** How an attempt went that gave an answer. */
interface Finish {
  readonly status: number
  readonly limits: LimitReport[]
  readonly usage: Usage | null
  readonly finishReason: string | null
  readonly firstByteMs: number
  readonly bytes: number
}

/** Takes a request through the balancer and resolves with the client's answer. Never rejects. */
export function exchange(gateway: Gateway, incoming: Incoming): Promise<Response> {
  return new Exchange(gateway, incoming).start()
}

/**
 * The life of one request as its client sees it: put to the balancer, run when it is dispatched, answered once.
 * It acts on committed events only, so nothing happens upstream or for the client that the log does not know.
 */
class Exchange {
  readonly #gateway: Gateway
  readonly #incoming: Incoming
  readonly #id: string
  readonly #reply = new Reply()
  readonly #headers: Record<string, string>
  #attempt: Attempt | null = null
  #answered: Answered | null = null
  #errorAnswer: ErrorAnswer | null = null
  /** What the provider of the last attempt said. */
  #said = ''
  #streaming = false
  /** Whether its client is gone. */
  #left = false
  #over = false

  constructor(gateway: Gateway, incoming: Incoming) {
    this.#gateway = gateway
    this.#incoming = incoming
    this.#id = gateway.balancer.nextRequestId()
    this.#headers = { 'x-request-id': this.#id }
  }

  start(): Promise<Response> {
    const { balancer, listeners, heartbeats, clock } = this.#gateway
    const { received, signal } = this.#incoming
    listeners.set(this.#id, (event) => this.#hear(event))
    signal.addEventListener('abort', this.#leave)
    balancer.ingest('request.received', received, this.#id)
    if (received.stream) {
      const since = clock.now()
      heartbeats.add(this.#id, { since, beat: (place) => this.#beat(place, clock.now() - since) })
    }
    if (signal.aborted) this.#leave()
    return this.#reply.response
  }

  #end(): void {
    const { listeners, heartbeats } = this.#gateway
    this.#over = true
    listeners.delete(this.#id)
    heartbeats.remove(this.#id)
  }

  /**
   * The client is gone: it leaves the queue, or its upstream call ends, at once. A stream tells itself how far it
   * came. A request whose end is decided, but not in the log yet, has its end already.
   */
  readonly #leave = (): void => {
    if (this.#over) return
    this.#left = true
    this.#attempt?.controller.abort()
    if (!this.#streaming) this.#abandon()
  }

  #abandon(): void {
    const { balancer } = this.#gateway
    this.#end()
    if (!balancer.owns(this.#id)) return
    balancer.ingest('request.abandoned', { while: this.#attempt === null ? 'queued' : 'running' }, this.#id)
  }

  #hear(event: Event): void {
    if (this.#over) return
    switch (event.type) {
      case 'request.dispatched':
        this.#run(event).catch((error: unknown) => this.#broke(error))
        break
      case 'request.completed':
        if (this.#answered !== null) this.#deliver(this.#answered, event.data.cost_nano_usd)
        this.#end()
        break
      case 'request.failed':
        this.#failed(event.data)
        break
      case 'request.rejected':
        this.#refuse({ ...event.data, retryAfterMs: event.data.retry_after_ms })
        break
      case 'request.expired':
        this.#refuse(expired(event.data.wait_ms, event.data.waited_for, event.data.retry_after_ms))
        break
    }
  }

  async #run({ llm, data }: EventOf<'request.dispatched'>): Promise<void> {
    const { balancer, clock, upstream } = this.#gateway
    const { body, received } = this.#incoming
    const { spec, apiKey, adapter, transport } = upstream(llm!)
    const startedAt = clock.now()
    const call: Call = {
      spec,
      apiKey,
      body,
      request: this.#id,
      stream: received.stream,
      wantsUsage: body.stream_options?.include_usage === true,
      created: Math.floor(startedAt / 1000),
    }
    const attempt = { number: data.attempt, llm: llm!, startedAt, call, controller: new AbortController() }
    this.#attempt = attempt
    this.#headers['x-llb-llm'] = spec.group
    this.#headers['x-llb-attempts'] = String(data.attempt)
    this.#headers['x-llb-queue-ms'] = String(data.wait_ms)
    const outcome = await callUpstream({
      call,
      adapter,
      transport,
      controller: attempt.controller,
      now: clock.now,
      started: (status, limits) => {
        if (this.#over) return
        const headers_ms = clock.now() - attempt.startedAt
        balancer.ingest(
          'attempt.started',
          { attempt: attempt.number, status, headers_ms, limits },
          this.#id,
          llm,
        )
      },
    })
    if (!this.#over) this.#settle(outcome, attempt, spec.idleTimeoutMs)
  }

  /** A bug of ours; the request fails, the process goes on. */
  #broke(error: unknown): void {
    this.#gateway.trouble(`an attempt failed inside the load balancer: ${(error as Error).stack ?? error}`)
    if (this.#over || this.#attempt === null) return
    const message = 'the load balancer failed on this attempt; its log says more'
    const failure = { class: 'internal', status: null, message, retry_after_ms: null, limit: null } as const
    this.#attemptFailed(this.#attempt, failure, false, [])
  }

  #settle(outcome: CallOutcome, attempt: Attempt, idleTimeoutMs: number): void {
    const firstByteMs = this.#gateway.clock.now() - attempt.startedAt
    switch (outcome.kind) {
      case 'answered': {
        const { usage, finishReason, body } = outcome.answer
        const { status, limits } = outcome
        this.#answered = outcome
        return this.#attemptFinished(attempt, {
          status,
          limits,
          usage,
          finishReason,
          firstByteMs,
          bytes: body.length,
        })
      }
      case 'streaming':
        return this.#stream(outcome, attempt, firstByteMs, idleTimeoutMs)
      case 'failed':
        this.#said = outcome.said
        this.#errorAnswer = RELAYED.has(attempt.call.spec.apiType) ? outcome.errorAnswer : null
        return this.#attemptFailed(attempt, outcome.failure, false, outcome.limits)
    }
  }

  #stream(
    { status, reader, relay, opening, contentType }: Streaming,
    attempt: Attempt,
    firstByteMs: number,
    idleTimeoutMs: number,
  ): void {
    const done = (ended: RelayOutcome) => {
      if (this.#over) return
      const { usage, finishReason } = relay
      const left = this.#left || ended.kind === 'cancelled'
      // Many clients hang up as soon as they have read the end of the answer.
      if (ended.kind === 'finished' || (left && finishReason !== null)) {
        const { bytes } = ended
        this.#attemptFinished(attempt, { status, limits: [], usage, finishReason, firstByteMs, bytes })
      } else if (left) this.#abandon()
      else if (ended.kind === 'failed') {
        this.#attemptFailed(attempt, discreet(ended.failure, attempt.call).failure, true, [])
      }
    }
    const brokenOff = (failure: Failure) =>
      errorEvent(
        failed({ ...failure, message: discreet(failure, attempt.call).said }, attempt.llm, attempt.number),
      )
    const source = { reader, relay, opening, upstream: attempt.controller, idleTimeoutMs }
    this.#streaming = true
    this.#gateway.heartbeats.remove(this.#id)
    const stream = relayStream(source, { done, errorEvent: brokenOff })
    this.#reply.stream(stream, { ...this.#headers, 'content-type': contentType })
  }

  #attemptFinished(
    attempt: Attempt,
    { status, limits, usage, finishReason, firstByteMs, bytes }: Finish,
  ): void {
    const { balancer, clock } = this.#gateway
    const finished = {
      attempt: attempt.number,
      status,
      limits,
      usage,
      finish_reason: finishReason,
      first_byte_ms: firstByteMs,
      duration_ms: clock.now() - attempt.startedAt,
      output_bytes: bytes,
    }
    balancer.ingest('attempt.finished', finished, this.#id, attempt.llm)
  }

  #attemptFailed(attempt: Attempt, failure: Failure, delivered: boolean, limits: LimitReport[]): void {
    const { balancer, clock } = this.#gateway
    const duration_ms = clock.now() - attempt.startedAt
    this.#attempt = null
    const data = { ...failure, attempt: attempt.number, duration_ms, delivered, limits }
    balancer.ingest('attempt.failed', data, this.#id, attempt.llm)
  }

  #deliver({ answer, contentType }: Answered, costNanoUsd: number): void {
    const headers = { ...this.#headers, 'x-llb-cost-usd': usdOf(costNanoUsd), 'content-type': contentType }
    this.#reply.whole(answer.body, 200, headers)
  }

  /** What the provider said of the request itself is passed on as it is; other failures are ours to explain. */
  #failed({ status, code, message }: EventOf<'request.failed'>['data']): void {
    this.#attempt?.controller.abort()
    const error = this.#errorAnswer
    if (error !== null && error.status === status && !this.#reply.begun && isOpenaiError(error.body)) {
      const headers = { ...this.#headers, 'content-type': error.contentType, 'x-should-retry': 'false' }
      this.#reply.whole(error.body, status, headers)
      return this.#end()
    }
    // The words that the log does not keep are for the client they are about.
    this.#refuse({ status, code, message: message.replace(WITHHELD, () => this.#said), retryAfterMs: null })
  }

  /** A stream that is under way has told its client already. */
  #refuse(refusal: Refusal): void {
    if (!this.#streaming) this.#reply.refuse(refusal, this.#headers)
    this.#end()
  }

  #beat(place: Place | null, waitedMs: number): void {
    const where = place === null ? 'an LLM is at work' : `position ${place.position} in the queue`
    const eta = place?.etaMs == null ? '' : `, next room in ${Math.ceil(place.etaMs / 1000)} s`
    this.#reply.comment(`${where}, ${Math.round(waitedMs / 1000)} s so far${eta}`, this.#headers)
  }
}
