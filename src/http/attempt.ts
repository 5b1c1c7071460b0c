import type { ChatBody } from '../core/needs/chat.ts'
import type { EventOf, Failure, InputData, LimitReport, Usage } from '../core/events.ts'
import type { Adapter, Call } from '../upstream/adapter.ts'
import type { CallOptions } from '../upstream/call.ts'
import type { Transport } from '../upstream/transport.ts'
import type { Gateway } from './gateway.ts'

/** One client request, ready to be put to the balancer. */
export interface Incoming {
  readonly body: ChatBody
  /** What the client sent, of which `body` is the value. */
  readonly text: string
  readonly received: InputData['request.received']
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
}

/** How an attempt went that gave an answer. */
export interface Finish {
  readonly status: number
  readonly limits: LimitReport[]
  readonly usage: Usage | null
  readonly finishReason: string | null
  readonly firstByteMs: number
  readonly bytes: number
}

/** Why answers end. Another word may be anything that a provider writes, and the log keeps none of its texts. */
const FINISH_REASONS: ReadonlySet<string> = new Set([
  ...['stop', 'length', 'tool_calls', 'function_call', 'content_filter'],
  ...['end_turn', 'eos', 'eos_token', 'max_tokens', 'stop_sequence', 'error', 'abort', 'sensitive'],
])

/** One attempt under way: all that its call takes, and what the balancer is told of how it goes. */
export class Attempt implements CallOptions {
  readonly call: Call
  readonly adapter: Adapter
  readonly transport: Transport
  readonly controller = new AbortController()
  readonly now: () => number
  readonly llm: string
  readonly number: number
  readonly #gateway: Gateway
  readonly #startedAt: number

  constructor(gateway: Gateway, { body, text, received }: Incoming, event: EventOf<'request.dispatched'>) {
    const llm = event.llm!
    const { spec, apiKey, adapter, transport } = gateway.upstream(llm)
    const { now } = gateway.clock
    this.#gateway = gateway
    this.#startedAt = now()
    this.now = now
    this.llm = llm
    this.number = event.data.attempt
    this.adapter = adapter
    this.transport = transport
    this.call = {
      spec,
      apiKey,
      body,
      text,
      request: event.request!,
      stream: received.stream,
      wantsUsage: body.stream_options?.include_usage === true,
      created: Math.floor(this.#startedAt / 1000),
    }
  }

  /** Ms since it began. */
  elapsedMs(): number {
    return this.now() - this.#startedAt
  }

  started(status: number, limits: LimitReport[]): void {
    if (this.controller.signal.aborted) return
    const data = { attempt: this.number, status, headers_ms: this.elapsedMs(), limits }
    this.#gateway.balancer.ingest('attempt.started', data, this.call.request, this.llm)
  }

  finished({ status, limits, usage, finishReason, firstByteMs, bytes }: Finish): void {
    const data = {
      attempt: this.number,
      status,
      limits,
      usage,
      finish_reason: finishReason === null || FINISH_REASONS.has(finishReason) ? finishReason : 'other',
      first_byte_ms: firstByteMs,
      duration_ms: this.elapsedMs(),
      output_bytes: bytes,
    }
    this.#gateway.balancer.ingest('attempt.finished', data, this.call.request, this.llm)
  }

  /** `delivered` says whether the client has got a part of the answer. */
  failed(failure: Failure, delivered: boolean, limits: LimitReport[]): void {
    const data = { ...failure, attempt: this.number, duration_ms: this.elapsedMs(), delivered, limits }
    this.#gateway.balancer.ingest('attempt.failed', data, this.call.request, this.llm)
  }
}
