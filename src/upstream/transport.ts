import type { Readable } from 'node:stream'
import type { Failure } from '../core/events.ts'
import type { HttpRequest } from './adapter.ts'

/**
 * Sends one request and resolves at the response headers. The signal ends it at any moment, the body included.
 * Rejects on a network error or an abort; {@link networkFailure} says what the error means.
 */
export type Transport = (request: HttpRequest, signal: AbortSignal) => Promise<Response>

/** Timeouts are the balancer's own timers, so every runtime's hidden ones are off. Redirects are never followed. */
export async function createTransport(): Promise<Transport> {
  if ('Bun' in globalThis) return fetchTransport({ timeout: false })
  if ('Deno' in globalThis) {
    const { Deno } = globalThis as unknown as DenoGlobal
    const send = fetchTransport({
      client: Deno.createHttpClient({ http2: false, poolMaxIdlePerHost: 1024 }),
    })
    return async (request, signal) => decoded(await send(request, signal))
  }
  return undiciTransport()
}

type Bytes = Uint8Array<ArrayBuffer>

interface DenoGlobal {
  Deno: { createHttpClient(options: { http2: boolean; poolMaxIdlePerHost: number }): object }
}

function fetchTransport(extra: object): Transport {
  return ({ url, headers, body }, signal) =>
    fetch(url, {
      method: 'POST',
      headers: uncompressed(headers),
      body,
      signal,
      redirect: 'manual',
      ...extra,
    })
}

/**
 * Hint: undici's `request` instead of its `fetch`, which is far dearer per call on Node.
 * HTTP/2 is off because one session carries only about 100 streams and would queue the rest unseen.
 */
async function undiciTransport(): Promise<Transport> {
  const { Agent, request } = await import('undici')
  const dispatcher = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
    connections: null,
    pipelining: 1,
  })
  return async ({ url, headers, body }, signal) => {
    const answer = await request(url, {
      method: 'POST',
      headers: uncompressed(headers),
      body,
      signal,
      dispatcher,
    })
    const answered = new Headers()
    for (const [name, value] of Object.entries(answer.headers))
      for (const each of [value ?? []].flat()) answered.append(name, each)
    const status = answer.statusCode
    if (NO_BODY.includes(status)) {
      await answer.body.dump()
      return new Response(null, { status, headers: answered })
    }
    return decoded(new Response(webStream(answer.body), { status, headers: answered }))
  }
}

const NO_BODY: readonly number[] = [204, 205, 304]

/** Hint: `Readable.toWeb` costs more CPU, and a plain `data` listener can still fire after `destroy`. */
function webStream(body: Readable): ReadableStream<Bytes> {
  const chunks: AsyncIterator<Bytes> = body[Symbol.asyncIterator]()
  return new ReadableStream<Bytes>({
    async pull(controller) {
      const { done, value } = await chunks.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    // Not the iterator's own return, which would wait for a chunk that may never come.
    cancel: () => void body.destroy(),
  })
}

/** Compression would hold tokens back until a block is full. */
function uncompressed(headers: Record<string, string>): Record<string, string> {
  return { ...headers, 'accept-encoding': 'identity' }
}

/** What Bun does by itself, for a provider that compresses although it was asked not to. */
function decoded(response: Response): Response {
  const encoding = response.headers.get('content-encoding')
  if (!response.body || (encoding !== 'gzip' && encoding !== 'deflate')) return response
  const { status, headers } = response
  return new Response(response.body.pipeThrough(new DecompressionStream(encoding)), { status, headers })
}

const UNSENDABLE =
  /invalid.*(header|url|value)|port \d+ are blocked|scheme \S+ not supported|UND_ERR_INVALID_ARG|ERR_INVALID_URL/i
const UNREACHABLE =
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPROTO|ERR_SSL|ERR_TLS|CERT|UNABLE_TO|CONNECT_TIMEOUT|\(Connect\)/

/**
 * Says what an error of a {@link Transport}, or of the body it returned, means: `unreachable` when the request cannot
 * have reached the provider (refused, unknown host, TLS, or no valid HTTP to begin with), `interrupted` when it may
 * have. The message holds no address and no header.
 */
export function networkFailure(error: unknown): Failure {
  const text = describe(error)
  if (UNSENDABLE.test(text))
    return failure('unreachable', 'the request cannot be sent: its address or its key is malformed')
  if (UNREACHABLE.test(text))
    return failure('unreachable', `the provider cannot be reached: ${reason(error)}`)
  return failure('interrupted', `the connection to the provider broke: ${reason(error)}`)
}

function failure(kind: Failure['class'], message: string): Failure {
  return { class: kind, status: null, message, retry_after_ms: null, limit: null }
}

/** The runtimes put the facts in different places: Bun in `code`, Node in `cause.code`, Deno in `cause.message`. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? error.code : ''
  return `${error.name} ${code} ${error.message} ${error.cause === undefined ? '' : describe(error.cause)}`
}

/** A runtime's message without its advice to programmers. */
export function plain(message: string): string {
  return message.replace(/.*client error \(\w+\): /, '').replace(/\s*For more information, pass .*/, '')
}

function reason(error: unknown): string {
  const root = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (!(root instanceof Error)) return String(root).slice(0, 200)
  if ('code' in root && typeof root.code === 'string') return root.code
  return plain(root.message).slice(0, 200)
}
