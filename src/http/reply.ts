import type { Refusal } from '../core/refusal.ts'
import { errorEvent, errorResponse } from './errors.ts'

/**
 * The answer to one client. It is given once: as a whole, as a stream, or as a stream that was opened early, to
 * carry heartbeats while the request waits.
 */
export interface Reply {
  readonly response: Promise<Response>
  /** Whether an answer has begun. */
  readonly begun: boolean
  whole(body: string | Uint8Array, status: number, headers: Record<string, string>): void
  stream(body: ReadableStream<Uint8Array>, headers: Record<string, string>): void
  refuse(refusal: Refusal, headers: Record<string, string>): void
  /** Opens the stream early and sends an SSE comment, which every client skips. */
  comment(text: string, headers: Record<string, string>): void
}

const STREAM_HEADERS = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' }

export function createReply(): Reply {
  let resolve: (response: Response) => void = () => {}
  const response = new Promise<Response>((settle) => {
    resolve = settle
  })
  let begun = false
  let early: TransformStream<Uint8Array, Uint8Array> | null = null
  let writer: WritableStreamDefaultWriter<Uint8Array> | null = null

  const begin = (answer: Response) => {
    begun = true
    resolve(answer)
  }
  const write = (bytes: Uint8Array) => {
    writer?.write(bytes).catch(() => {})
  }

  return {
    response,
    get begun() {
      return begun
    },
    whole(body, status, headers) {
      begin(new Response(body as BodyInit, { status, headers }))
    },
    stream(body, headers) {
      if (early === null) return begin(new Response(body, { headers: { ...STREAM_HEADERS, ...headers } }))
      writer?.releaseLock()
      body.pipeTo(early.writable).catch(() => {})
    },
    refuse(refusal, headers) {
      if (early === null) return begin(errorResponse(refusal, headers))
      write(errorEvent(refusal))
      writer?.close().catch(() => {})
    },
    comment(text, headers) {
      if (early === null) {
        early = new TransformStream()
        writer = early.writable.getWriter()
        const sse = { ...STREAM_HEADERS, 'content-type': 'text/event-stream', ...headers }
        begin(new Response(early.readable, { headers: sse }))
      }
      write(new TextEncoder().encode(`: ${text}\n\n`))
    },
  }
}
