import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLimiter, type Limiter, type LimiterOptions, type Refusal } from './limiter.ts'

/** A request as the provider saw it. */
export interface Seen {
  /** Monotonic ms at which its last byte arrived. */
  readonly at: number
  readonly method: string
  /** Path with query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The parsed body; null where it is no JSON object. */
  readonly body: Body | null
  /** How the exchange ended: answered in full, or left by the client (or cut by a fault) before that. */
  readonly ended: Promise<'finished' | 'aborted'>
  /** Monotonic ms at which it was aborted; null while it was not. */
  abortedAt: number | null
}

// biome-ignore lint/suspicious/noExplicitAny: a fake reads whatever a client sends.
export type Body = Record<string, any>

/** An answer to be played: one chunk for a whole answer, one per event for a stream. */
export interface Reply {
  readonly status: number
  readonly headers: Record<string, string>
  readonly chunks: readonly string[]
  readonly inputTokens: number
  readonly outputTokens: number
}

/** What to do instead of the right answer, once. `afterChunks: null` means before the headers. */
export type Fault =
  | { kind: 'answer'; status: number; body?: unknown; headers?: Record<string, string> }
  | { kind: 'hang' | 'reset' | 'end'; afterChunks: number | null }

export interface FakeOptions {
  /** Before the headers. */
  delayMs?: number
  /** Between two chunks. */
  chunkDelayMs?: number
  /** Cuts the answer into pieces of this many bytes, without regard for lines and characters. */
  dripBytes?: number
  outputTokens?: number
  /** Longest prompt plus output bound; longer requests are refused as too long. */
  contextLength?: number
  /** Required of every request when set. */
  apiKey?: string
  limits?: LimiterOptions
  /** Whether answers carry rate-limit headers, where the dialect has them. */
  limitHeaders?: boolean
}

/** All that differs between providers; pure. */
export interface Dialect {
  readonly name: string
  /** Input tokens and output bound, as the provider counts them at admission. */
  measure(body: Body, options: FakeOptions): { inputTokens: number; outputBound: number }
  /** Null when the request is in order; else the error it deserves. */
  check(seen: Seen, options: FakeOptions): Reply | null
  answer(seen: Seen, options: FakeOptions): Reply
  refuse(refusal: Refusal, seen: Seen): Reply
  limitHeaders?(limiter: Limiter): Record<string, string>
}

export interface Fake {
  /** Without a path: `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly requests: readonly Seen[]
  readonly limiter: Limiter
  /** May be changed at any time; the next request sees it. */
  readonly options: FakeOptions
  /** Plays the fault for the next `times` requests, after faults asked for earlier. */
  fail(fault: Fault, times?: number): void
  /** Resolves with the n-th request (from 1) once it has arrived. */
  arrived(n: number): Promise<Seen>
  close(): Promise<void>
}

export async function startFake(dialect: Dialect, options: FakeOptions = {}): Promise<Fake> {
  const requests: Seen[] = []
  const faults: Fault[] = []
  const waiting = new Map<number, (seen: Seen) => void>()
  const limiter = createLimiter(options.limits ?? { limits: [] })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = await read(request, response)
    requests.push(seen)
    waiting.get(requests.length)?.(seen)
    const player = createPlayer(response, options)
    const fault = faults.shift()
    if (fault?.kind === 'answer') return player.play(errorReply(fault))
    const refused = dialect.check(seen, options)
    if (refused) return player.play(refused)
    const { inputTokens, outputBound } = dialect.measure(seen.body ?? {}, options)
    const entry = limiter.enter(inputTokens, outputBound)
    if ('refusal' in entry) return player.play(dialect.refuse(entry.refusal, seen))
    const reply = dialect.answer(seen, options)
    const leave = () => entry.ticket.leave(reply.inputTokens, reply.outputTokens)
    seen.ended.then(leave)
    const headers = options.limitHeaders ? dialect.limitHeaders?.(limiter) : {}
    return player.play({ ...reply, headers: { ...reply.headers, ...headers } }, fault, leave)
  }

  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    limiter,
    options,
    fail: (fault, times = 1) => void faults.push(...Array<Fault>(times).fill(fault)),
    arrived: (n) =>
      new Promise((resolve) => {
        const seen = requests[n - 1]
        if (seen) resolve(seen)
        else waiting.set(n, resolve)
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function read(request: IncomingMessage, response: ServerResponse): Promise<Seen> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece)
  const text = Buffer.concat(pieces).toString()
  const { promise: ended, resolve } = Promise.withResolvers<'finished' | 'aborted'>()
  const { method = '', url = '', headers } = request
  const at = performance.now()
  const seen: Seen = { at, method, path: url, headers, text, body: parse(text), ended, abortedAt: null }
  response.once('close', () => {
    if (!response.writableFinished) seen.abortedAt = performance.now()
    resolve(response.writableFinished ? 'finished' : 'aborted')
  })
  return seen
}

function parse(text: string): Body | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function errorReply({ status, body, headers }: Extract<Fault, { kind: 'answer' }>): Reply {
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? { error: { message: 'injected' } })
  const type = typeof body === 'string' ? 'text/html' : 'application/json'
  return {
    status,
    headers: { 'content-type': type, ...headers },
    chunks: [text],
    inputTokens: 0,
    outputTokens: 0,
  }
}

type Cut = Exclude<Fault, { kind: 'answer' }>

/** Plays a reply onto the socket, up to the fault if there is one. */
function createPlayer(response: ServerResponse, options: FakeOptions) {
  const gone = new Promise<void>((resolve) => response.once('close', resolve))

  function pause(ms: number): Promise<void> {
    // One turn of the loop at least, so that every chunk is a packet of its own.
    const waited = new Promise<void>((resolve) => {
      if (ms > 0) setTimeout(resolve, ms)
      else setImmediate(resolve)
    })
    return Promise.race([waited, gone])
  }

  function strike(kind: 'hang' | 'reset' | 'end'): void {
    if (kind === 'reset') response.socket?.resetAndDestroy()
    if (kind === 'end') response.end()
  }

  async function play(reply: Reply, fault?: Cut, beforeLast = () => {}): Promise<void> {
    if (options.delayMs) await pause(options.delayMs)
    if (response.destroyed) return
    if (fault?.afterChunks === null) return strike(fault.kind)
    const pieces = cut(reply.chunks, options.dripBytes)
    response.socket?.setNoDelay(true)
    response.writeHead(reply.status, reply.headers)
    for (const [index, piece] of pieces.entries()) {
      if (fault?.afterChunks === index) return strike(fault.kind)
      if (index > 0) await pause(options.chunkDelayMs ?? 0)
      if (response.destroyed) return
      // A client that has the last byte may count on its place being free.
      if (index === pieces.length - 1) beforeLast()
      response.write(piece)
    }
    if (fault) strike(fault.kind)
    else response.end()
  }

  return { play }
}

function cut(chunks: readonly string[], dripBytes: number | undefined): Uint8Array[] {
  if (!dripBytes) return chunks.map((chunk) => Buffer.from(chunk))
  const all = Buffer.from(chunks.join(''))
  return Array.from({ length: Math.ceil(all.length / dripBytes) }, (_, index) =>
    all.subarray(index * dripBytes, (index + 1) * dripBytes),
  )
}
