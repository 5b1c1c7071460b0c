import type { Failure, LimitReport } from '../core/events.ts'
import type { Adapter, Answer, Call, StreamRelay } from './adapter.ts'
import { Deadline } from './deadline.ts'
import { discreet } from './discreet.ts'
import { type Opening, readFirst } from './relay.ts'
import { networkFailure, type Transport } from './transport.ts'

/** A provider's own error answer, for errors that are the client's to see. */
export interface ErrorAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** How one attempt went, up to its first byte for a stream, to its end for a whole answer. */
export type CallOutcome =
  | {
      readonly kind: 'answered'
      readonly answer: Answer
      readonly status: number
      readonly limits: LimitReport[]
      readonly contentType: string
    }
  | {
      readonly kind: 'streaming'
      readonly status: number
      readonly reader: ReadableStreamDefaultReader<Uint8Array>
      readonly relay: StreamRelay
      readonly opening: Opening
      readonly contentType: string
    }
  | {
      readonly kind: 'failed'
      /** As it may stand in the log. */
      readonly failure: Failure
      /** The provider's own words, for the client alone. */
      readonly said: string
      readonly limits: LimitReport[]
      readonly errorAnswer: ErrorAnswer | null
    }

/** An attempt as its call needs it. */
export interface CallOptions {
  readonly call: Call
  /** Ends the attempt; also used by the attempt itself on a timeout. */
  readonly controller: AbortController
  readonly adapter: Adapter
  readonly transport: Transport
  /** Ms since 1970. */
  now(): number
  /** A stream began with success: its status and limit headers. */
  started(status: number, limits: LimitReport[]): void
}

/** The most of an error answer that is read. */
const ERROR_BYTES_MAX = 64 * 1024

/** Runs one attempt at a provider. Never rejects: every failure is an outcome. */
export async function callUpstream(options: CallOptions): Promise<CallOutcome> {
  const { call, adapter, transport, controller } = options
  const { firstByteTimeoutMs, idleTimeoutMs } = call.spec
  const deadline = new Deadline(controller)
  try {
    const prepared = adapter.prepare(call)
    if (!prepared.ok) return failed(call, prepared.failure)
    deadline.restart(firstByteTimeoutMs, 'no answer')
    const response = await transport(prepared.value, controller.signal)
    const limits = adapter.limits(response.headers, options.now())
    if (response.status < 200 || response.status > 299) {
      deadline.restart(idleTimeoutMs, 'no complete error answer')
      const body = await readBounded(response, ERROR_BYTES_MAX)
      return refused(response, body, limits, options)
    }
    if (!call.stream) {
      deadline.restart(firstByteTimeoutMs, 'no complete answer')
      return wholeAnswer(response, await response.bytes(), limits, options)
    }
    options.started(response.status, limits)
    deadline.restart(firstByteTimeoutMs, 'no first token')
    return await openStream(response, options, deadline)
  } catch (error) {
    return failed(call, deadline.failure() ?? networkFailure(error))
  } finally {
    deadline.stop()
  }
}

function refused(
  { status, headers }: Response,
  body: string,
  limits: LimitReport[],
  { call, adapter, now }: CallOptions,
): CallOutcome {
  const failure = adapter.classify(status, headers, body, now())
  const errorAnswer = { status, contentType: headers.get('content-type') ?? 'application/json', body }
  return { kind: 'failed', ...discreet(failure, call), limits, errorAnswer }
}

function wholeAnswer(
  response: Response,
  bytes: Uint8Array,
  limits: LimitReport[],
  { call, adapter }: CallOptions,
): CallOutcome {
  const result = adapter.answer(bytes, call)
  if (!result.ok) return failed(call, result.failure)
  const contentType = contentTypeOf(response, 'application/json')
  return { kind: 'answered', answer: result.value, status: response.status, limits, contentType }
}

async function openStream(
  response: Response,
  { call, adapter }: CallOptions,
  deadline: Deadline,
): Promise<CallOutcome> {
  const relay = adapter.openStream(call)
  const reader = (response.body ?? new Blob([]).stream()).getReader()
  const first = await readFirst(reader, relay)
  if (first.ok) {
    const contentType = contentTypeOf(response, 'text/event-stream')
    return { kind: 'streaming', status: response.status, reader, relay, opening: first.value, contentType }
  }
  reader.cancel().catch(() => {})
  return failed(call, deadline.failure() ?? first.failure)
}

/** What the client is told: the provider's type where it speaks the client's format, else the format's own. */
function contentTypeOf(response: Response, type: string): string {
  const given = response.headers.get('content-type')
  return given?.startsWith(type) ? given : type
}

function failed(call: Call, failure: Failure): CallOutcome {
  return { kind: 'failed', ...discreet(failure, call), limits: [], errorAnswer: null }
}

async function readBounded(response: Response, max: number): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    chunks.push(value)
    size += value.length
    if (size < max) continue
    reader.cancel().catch(() => {})
    break
  }
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, max))
}
