import { lookup } from 'node:dns/promises'
import type { AddressInfo } from 'node:net'

/** What is known of the other end of a request's connection. */
export interface Peer {
  /** IP address of the client; null where the runtime no longer knows it. */
  remoteAddress(): string | null
}

export interface ListenOptions {
  fetch(request: Request, peer: Peer): Response | Promise<Response>
  readonly hostname: string
  /** 0 takes any free port. */
  readonly port: number
}

export interface Listener {
  readonly port: number
  /**
   * Takes no more connections. Graceful: resolves when every answer under way has been sent. Otherwise cuts them.
   * A second call that is not graceful cuts short the wait of a first one that is.
   */
  stop(graceful: boolean): Promise<void>
}

/** The address cannot be listened on; the message is a whole sentence for the operator. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}

/**
 * Serves HTTP on Bun, Deno or Node. A silent connection is never cut while its request is being answered, and
 * `request.signal` aborts when the client leaves, before the answer as well as in the middle of it.
 * Rejects with {@link ListenError} when the address is taken, foreign or forbidden.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  try {
    // Bun calls a name that leads nowhere a port in use.
    await lookup(options.hostname)
    if ('Bun' in globalThis) return listenOnBun(options)
    return await listenOnNodeHttp(options)
  } catch (error) {
    throw new ListenError(explain(error, options))
  }
}

function listenOnBun({ fetch, hostname, port }: ListenOptions): Listener {
  const { Bun } = globalThis as unknown as BunGlobal
  const server = Bun.serve({
    fetch: (request, self) =>
      fetch(request, { remoteAddress: () => self.requestIP(request)?.address ?? null }),
    hostname,
    port,
    idleTimeout: 0,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    // Hint: outside development mode Bun shares a port with any other process unless told not to.
    reusePort: false,
  })
  return { port: server.port, stop: (graceful) => server.stop(!graceful) }
}

/**
 * Hint: Deno takes this path as well, because the signal of `Deno.serve` also aborts after an answer that was
 * delivered in full, and warns of it on standard error.
 */
async function listenOnNodeHttp({ fetch, hostname, port }: ListenOptions): Promise<Listener> {
  const { createServer } = await import('node:http')
  const { getRequestListener } = await import('@hono/node-server')
  const answer = getRequestListener(
    (request, { incoming }) =>
      fetch(request, { remoteAddress: () => incoming.socket?.remoteAddress ?? null }),
    { overrideGlobalObjects: false },
  )
  const timeouts = { requestTimeout: 300_000, headersTimeout: 60_000, keepAliveTimeout: 65_000 }
  const server = createServer(timeouts, (request, response) => {
    // A connection kept alive past its last answer would hold up a graceful stop.
    response.once('close', () => server.listening || setImmediate(() => server.closeIdleConnections()))
    answer(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, hostname, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    stop: (graceful) =>
      new Promise((resolve) => {
        server.close(() => resolve())
        if (!graceful) server.closeAllConnections()
      }),
  }
}

const REASONS: readonly [RegExp, string][] = [
  [/EADDRINUSE/, 'the port is in use; choose another with --port, LLB_PORT or general.listen_port'],
  [/EADDRNOTAVAIL|ENOTFOUND|EINVAL/, 'this machine has no such address'],
  [/EACCES|EPERM/, 'permission denied'],
]

function explain(error: unknown, { hostname, port }: ListenOptions): string {
  const text =
    error instanceof Error
      ? `${error.name} ${'code' in error ? error.code : ''} ${error.message}`
      : `${error}`
  const reason = REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? text
  return `cannot listen on ${hostname}:${port}: ${reason}`
}

interface BunGlobal {
  Bun: {
    serve(options: {
      fetch(
        request: Request,
        server: { requestIP(request: Request): { address: string } | null },
      ): Response | Promise<Response>
      hostname: string
      port: number
      idleTimeout: number
      maxRequestBodySize: number
      development: boolean
      reusePort: boolean
    }): { port: number; stop(closeActiveConnections: boolean): Promise<void> }
  }
}
