import type { Event, EventOf, Failure, LimitReport } from '../core/events.ts'
import type { Standing } from '../core/forecast/forecast.ts'
import { expired, failed, type Refusal } from '../core/refusal.ts'
import type { ApiType } from '../core/types.ts'
import { type CallOutcome, callUpstream, type ErrorAnswer } from '../upstream/call.ts'
import { discreet, WITHHELD } from '../upstream/discreet.ts'
import { type RelayOutcome, relayStream } from '../upstream/relay.ts'
import { Attempt, type Incoming } from './attempt.ts'
import { errorEvent, isOpenaiError } from './errors.ts'
import type { Gateway, Listener } from './gateway.ts'
import type { Beating } from './heartbeats.ts'
import { Reply } from './reply.ts'
import { usdOf } from './usd.ts'

type Answered = Extract<CallOutcome, { kind: 'answered' }>
type Streaming = Extract<CallOutcome, { kind: 'streaming' }>

/** Providers whose error answers have the client's own format. */
const RELAYED: ReadonlySet<ApiType> = new Set(['openai', 'groq', 'simulated'])

/** Takes a request through the balancer and resolves with the client's answer. Never rejects. */
export function exchange(gateway: Gateway, incoming: Incoming): Promise<Response> {
  return new Exchange(gateway, incoming).start()
}

/**
 * The life of one request as its client sees it: put to the balancer, run when it is dispatched, answered once.
 * It acts on committed events only, so nothing happens upstream or for the client that the log does not know.
 */
class Exchange implements Listener, Beating {
  readonly #gateway: Gateway
  readonly #incoming: Incoming
  readonly #id: string
  readonly #reply = new Reply()
  /** When the request came, in ms since 1970. */
  readonly since: number
  #headers: Record<string, string>
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
    this.since = gateway.clock.now()
  }

  start(): Promise<Response> {
    const { balancer, listeners, heartbeats } = this.#gateway
    const { received, signal } = this.#incoming
    listeners.set(this.#id, this)
    signal.onabort = () => this.#leave()
    balancer.ingest('request.received', received, this.#id)
    if (received.stream) heartbeats.add(this.#id, this)
    if (signal.aborted) this.#leave()
    return this.#reply.response
  }

  #end(): void {
    const { listeners, heartbeats } = this.#gateway
    this.#over = true
    listeners.delete(this.#id)
    if (this.#incoming.received.stream) heartbeats.remove(this.#id)
  }

  /**
   * The client is gone: it leaves the queue, or its upstream call ends, at once. A stream tells itself how far it
   * came. A request whose end is decided, but not in the log yet, has its end already.
   */
  #leave(): void {
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

  hear(event: Event): void {
    if (this.#over) return
    switch (event.type) {
      case 'request.dispatched':
        void this.#run(event)
        return
      case 'request.completed':
        if (this.#answered !== null) this.#deliver(this.#answered, event.data.cost_nano_usd)
        return this.#end()
      case 'request.failed':
        return this.#failed(event.data)
      case 'request.rejected':
        return this.#refuse({ ...event.data, retryAfterMs: event.data.retry_after_ms })
      case 'request.expired':
        return this.#refuse(expired(event.data.wait_ms, event.data.waited_for, event.data.retry_after_ms))
    }
  }

  async #run(event: EventOf<'request.dispatched'>): Promise<void> {
    try {
      const attempt = new Attempt(this.#gateway, this.#incoming, event)
      this.#attempt = attempt
      this.#headers = {
        'x-request-id': this.#id,
        'x-llb-llm': attempt.call.spec.group,
        'x-llb-attempts': String(attempt.number),
        'x-llb-queue-ms': String(event.data.wait_ms),
      }
      const outcome = await callUpstream(attempt)
      if (!this.#over) this.#settle(outcome, attempt)
    } catch (error) {
      this.#broke(error)
    }
  }

  /** A bug of ours; the request fails, the process goes on. */
  #broke(error: unknown): void {
    this.#gateway.trouble(`an attempt failed inside the load balancer: ${(error as Error).stack ?? error}`)
    if (this.#over || this.#attempt === null) return
    const message = 'the load balancer failed on this attempt; its log says more'
    const failure = { class: 'internal', status: null, message, retry_after_ms: null, limit: null } as const
    this.#fail(this.#attempt, failure)
  }

  /** Ends an attempt that gave the client nothing. */
  #fail(attempt: Attempt, failure: Failure, limits: LimitReport[] = []): void {
    this.#attempt = null
    attempt.failed(failure, false, limits)
  }

  #settle(outcome: CallOutcome, attempt: Attempt): void {
    switch (outcome.kind) {
      case 'answered': {
        const { status, limits, answer } = outcome
        const { usage, finishReason, body } = answer
        this.#answered = outcome
        const firstByteMs = attempt.elapsedMs()
        return attempt.finished({ status, limits, usage, finishReason, firstByteMs, bytes: body.length })
      }
      case 'streaming':
        return this.#stream(outcome, attempt)
      case 'failed':
        this.#said = outcome.said
        this.#errorAnswer = RELAYED.has(attempt.call.spec.apiType) ? outcome.errorAnswer : null
        return this.#fail(attempt, outcome.failure, outcome.limits)
    }
  }

  #stream({ status, reader, relay, opening, contentType }: Streaming, attempt: Attempt): void {
    const { call, llm, number, controller } = attempt
    const firstByteMs = attempt.elapsedMs()
    const done = (ended: RelayOutcome) => {
      if (this.#over) return
      const { usage, finishReason } = relay
      const left = this.#left || ended.kind === 'cancelled'
      // Many clients hang up as soon as they have read the end of the answer.
      if (ended.kind === 'finished' || (left && finishReason !== null)) {
        const { bytes } = ended
        attempt.finished({ status, limits: [], usage, finishReason, firstByteMs, bytes })
      } else if (left) this.#abandon()
      else if (ended.kind === 'failed') {
        this.#attempt = null
        attempt.failed(discreet(ended.failure, call, true).failure, true, [])
      }
    }
    const brokenOff = (failure: Failure) =>
      errorEvent(failed({ ...failure, message: discreet(failure, call).said }, llm, number))
    const source = { reader, relay, opening, upstream: controller, idleTimeoutMs: call.spec.idleTimeoutMs }
    this.#streaming = true
    this.#gateway.heartbeats.remove(this.#id)
    const stream = relayStream(source, { done, errorEvent: brokenOff })
    this.#reply.stream(stream, { ...this.#headers, 'content-type': contentType })
  }

  #deliver({ answer, contentType }: Answered, costNanoUsd: number): void {
    this.#headers['x-llb-cost-usd'] = usdOf(costNanoUsd)
    this.#headers['content-type'] = contentType
    this.#reply.whole(answer.body, 200, this.#headers)
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

  /** Tells a stream that its request still waits. */
  beat(place: Standing | null): void {
    const waitedMs = this.#gateway.clock.now() - this.since
    const where = place === null ? 'an LLM is at work' : `position ${place.position} in the queue`
    const eta = place?.etaMs == null ? '' : `, expected to start in ${Math.ceil(place.etaMs / 1000)} s`
    this.#reply.comment(`${where}, ${Math.round(waitedMs / 1000)} s so far${eta}`, this.#headers)
  }
}
