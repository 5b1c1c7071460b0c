import type { Refusal } from '../core/refusal.ts'
import { errorEvent, errorResponse } from './errors.ts'

const STREAM_HEADERS = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' }

type ByteStream = ReadableStream<Uint8Array<ArrayBufferLike>>

/**
 * The answer to one client. It is given once: as a whole, as a stream, or as a stream that was opened early, to
 * carry heartbeats while the request waits.
 */
export class Reply {
  readonly #promised = Promise.withResolvers<Response>()
  #begun = false
  /** The stream that was opened early, and what writes to it. */
  #early: TransformStream<Uint8Array, Uint8Array> | null = null
  #writer: WritableStreamDefaultWriter<Uint8Array> | null = null

  get response(): Promise<Response> {
    return this.#promised.promise
  }

  /** Whether an answer has begun. */
  get begun(): boolean {
    return this.#begun
  }

  whole(body: string | Uint8Array, status: number, headers: Record<string, string>): void {
    this.#begin(new Response(body as BodyInit, { status, headers }))
  }

  stream(body: ByteStream, headers: Record<string, string>): void {
    if (this.#early === null) {
      this.#begin(new Response(body as BodyInit, { headers: { ...STREAM_HEADERS, ...headers } }))
      return
    }
    this.#writer?.releaseLock()
    body.pipeTo(this.#early.writable).catch(() => {})
  }

  refuse(refusal: Refusal, headers: Record<string, string>): void {
    if (this.#early === null) {
      this.#begin(errorResponse(refusal, headers))
      return
    }
    this.#write(errorEvent(refusal))
    this.#writer?.close().catch(() => {})
  }

  /** Opens the stream early and sends an SSE comment, which every client skips. */
  comment(text: string, headers: Record<string, string>): void {
    if (this.#early === null) {
      this.#early = new TransformStream()
      this.#writer = this.#early.writable.getWriter()
      const sse = { ...STREAM_HEADERS, 'content-type': 'text/event-stream', ...headers }
      this.#begin(new Response(this.#early.readable as BodyInit, { headers: sse }))
    }
    this.#write(new TextEncoder().encode(`: ${text}\n\n`))
  }

  #begin(response: Response): void {
    this.#begun = true
    this.#promised.resolve(response)
  }

  /** A client that is gone has its own way of ending the request, so a write that fails needs no answer. */
  #write(bytes: Uint8Array): void {
    this.#writer?.write(bytes).catch(() => {})
  }
}
