import type { ChatBody } from '../core/needs/chat.ts'
import type { Failure, LimitReport, Usage } from '../core/events.ts'
import type { LlmSpec } from '../core/types.ts'

/** One attempt as an adapter sees it. */
export interface Call {
  readonly spec: LlmSpec
  /** The provider's key; null when the LLM needs none. */
  readonly apiKey: string | null
  /** The client's parsed request; never to be changed. */
  readonly body: ChatBody
  /** The text that `body` was parsed from; null where there is none. */
  readonly text: string | null
  /** The request's id, for answers that need one of our own. */
  readonly request: string
  readonly stream: boolean
  /** Whether the client itself asked for the usage chunk of a stream. */
  readonly wantsUsage: boolean
  /** Unix seconds, for `created` in translated answers. */
  readonly created: number
}

/** An HTTP request to a provider: always a POST. */
export interface HttpRequest {
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string
}

/** A whole answer, ready for the client. */
export interface Answer {
  readonly body: string | Uint8Array
  readonly usage: Usage | null
  readonly finishReason: string | null
}

export type Result<T> = { ok: true; value: T } | { ok: false; failure: Failure }

/**
 * Turns one provider stream into the client's SSE bytes, chunk by chunk, however the bytes are cut.
 * Never throws. After a failure it yields nothing more.
 */
export interface StreamRelay {
  /** Bytes for the client, possibly none (null). The chunk is the relay's from now on, to keep and to change. */
  push(chunk: Uint8Array): Uint8Array | null
  /** Called once when the provider's stream ends well; the last bytes for the client. */
  end(): Uint8Array | null
  /** What is known so far. */
  readonly usage: Usage | null
  readonly finishReason: string | null
  /** Set when the provider reported an error within the stream, or ended it too early. */
  readonly failure: Failure | null
}

/** All that differs between providers. Pure: no network, no clock. */
export interface Adapter {
  /** Builds the provider's request, or says why this request cannot be put to this provider. */
  prepare(call: Call): Result<HttpRequest>
  /** Translates a whole 2xx answer; a 2xx answer that is none (HTML, error body) is a failure. */
  answer(bytes: Uint8Array, call: Call): Result<Answer>
  openStream(call: Call): StreamRelay
  /** Classifies an answer whose status is not 2xx. `now` is ms since 1970, for absolute times in headers. */
  classify(status: number, headers: Headers, body: string, now: number): Failure
  /** The limit headers of any answer. */
  limits(headers: Headers, now: number): LimitReport[]
}
