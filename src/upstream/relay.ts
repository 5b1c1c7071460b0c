import type { Failure } from '../core/events.ts'
import type { Result, StreamRelay } from './adapter.ts'
import { pace, paceStream } from './pace.ts'
import { plain } from './transport.ts'

type Reader = ReadableStreamDefaultReader<Uint8Array>
type Read = Awaited<ReturnType<Reader['read']>>

/** How a relayed stream ended. `bytes` counts what was handed to the client. */
export type RelayOutcome =
  | { readonly kind: 'finished'; readonly bytes: number }
  | { readonly kind: 'cancelled'; readonly bytes: number }
  | { readonly kind: 'failed'; readonly bytes: number; readonly failure: Failure }

/** None of these may throw. */
export interface RelayHooks {
  /** Called exactly once, whatever happens. */
  done(outcome: RelayOutcome): void
  /** The SSE event, `data: {"error":{...}}\n\n`, that tells the client of a failure in mid-stream. */
  errorEvent(failure: Failure): Uint8Array
}

/** What `readFirst` took off a stream: bytes for the client, and whether the stream is already over. */
export interface Opening {
  readonly bytes: Uint8Array | null
  readonly ended: boolean
}

export interface RelaySource {
  readonly reader: Reader
  readonly relay: StreamRelay
  /** Result of `readFirst`; null when nothing was read yet. */
  readonly opening: Opening | null
  /** Aborted when the client goes away, on a timeout and after a failure. */
  readonly upstream: AbortController
  /** Longest silence of the provider, and longest time a client may take nothing, in ms (at most a quarter more). */
  readonly idleTimeoutMs: number
}

/**
 * Reads until there is something for the client, so that a stream that starts with an error can still be
 * tried elsewhere. An upstream that breaks off is a failure of class `interrupted`.
 */
export async function readFirst(reader: Reader, relay: StreamRelay): Promise<Result<Opening>> {
  for (;;) {
    const read = await reader.read().catch(interrupted)
    if ('class' in read) return { ok: false, failure: read }
    const bytes = read.done ? relay.end() : relay.push(read.value)
    if (relay.failure) return { ok: false, failure: relay.failure }
    if (bytes || read.done) return { ok: true, value: { bytes, ended: read.done } }
  }
}

/**
 * The client's body: each chunk of the provider passed through the relay, one read ahead at most, so a slow client
 * slows the provider down. After a failure the client gets an error event and the stream ends without `[DONE]`.
 */
export function relayStream(source: RelaySource, hooks: RelayHooks): ReadableStream<Uint8Array> {
  const session = openSession(source, hooks)
  return 'Bun' in globalThis ? directStream(session) : pullStream(session)
}

/** The half of a relayed stream that faces the provider. */
interface Session {
  /** Asks for the next bytes: `receive` is called once, unless the stream is cancelled first. */
  ask(): void
  /** The client is gone. */
  cancel(): void
  ended(): boolean
  /** Set by the client's half. Bytes are null when a chunk held none for the client. */
  receive: (bytes: Uint8Array | null) => void
  /** Set by the client's half: breaks the connection of a client that takes nothing. */
  breakOff: () => void
}

/** Hint: callbacks instead of async functions, because every further promise shows in the CPU time of a chunk. */
function openSession({ reader, relay, upstream, idleTimeoutMs, opening }: RelaySource, hooks: RelayHooks) {
  const endPace = paceStream()
  let bytes = 0
  let reads = 0
  let opened = opening === null
  let waiting = false
  let silent = false
  let ended = false

  const finish = (outcome: RelayOutcome) => {
    ended = true
    endPace()
    clearInterval(watch)
    hooks.done(outcome)
  }
  const hangUp = () => {
    reader.cancel().catch(() => {})
    upstream.abort()
  }
  const cancel = () => {
    if (ended) return
    finish({ kind: 'cancelled', bytes })
    hangUp()
  }
  const deliver = (chunk: Uint8Array | null, over: boolean) => {
    bytes += chunk?.length ?? 0
    if (over) finish({ kind: 'finished', bytes })
    session.receive(chunk)
  }
  const fail = (failure: Failure, last: Uint8Array | null) => {
    const event = hooks.errorEvent(failure)
    const chunk = last ? Buffer.concat([last, event]) : event
    bytes += chunk.length
    finish({ kind: 'failed', bytes, failure })
    hangUp()
    session.receive(chunk)
  }
  const take = (read: Read) => {
    waiting = false
    reads += 1
    if (ended) return
    if (silent) return fail(timeout(idleTimeoutMs), null)
    const chunk = read.done ? relay.end() : relay.push(read.value)
    if (relay.failure) fail(relay.failure, chunk)
    else deliver(chunk, read.done)
  }
  const broke = (error: unknown) => {
    if (!ended) fail(silent ? timeout(idleTimeoutMs) : interrupted(error), null)
  }
  const ask = () => {
    if (ended) return
    if (!opened) {
      opened = true
      return deliver(opening!.bytes, opening!.ended)
    }
    waiting = true
    reader.read().then(take, broke)
  }
  const giveUp = () => {
    silent = waiting
    if (silent) return hangUp()
    cancel()
    session.breakOff()
  }
  const watch = watchProgress(idleTimeoutMs, () => reads, giveUp)
  const session: Session = { ask, cancel, ended: () => ended, receive: () => {}, breakOff: () => {} }
  return session
}

/** A coarse timer instead of one per chunk: calls back when `progress` stood still for four looks in a row. */
function watchProgress(timeoutMs: number, progress: () => number, giveUp: () => void) {
  let seen = 0
  let still = 0
  return setInterval(() => {
    const now = progress()
    still = now === seen ? still + 1 : 0
    seen = now
    if (still === 4) giveUp()
  }, timeoutMs / 4)
}

function pullStream(session: Session): ReadableStream<Uint8Array> {
  const source: UnderlyingDefaultSource<Uint8Array> = {
    start(controller) {
      session.breakOff = () => controller.error(new Error('the client took nothing for too long'))
    },
    pull(controller) {
      return new Promise((resolve) => {
        session.receive = (bytes) => {
          if (bytes) controller.enqueue(bytes)
          if (session.ended()) controller.close()
          else if (!bytes) return session.ask()
          resolve()
        }
        session.ask()
      })
    },
    cancel: session.cancel,
  }
  return new ReadableStream(source, { highWaterMark: 0 })
}

/** The sink Bun hands to `pull` of a stream of type `direct`; `write` gives a promise while the socket is full. */
interface DirectSink {
  write(bytes: Uint8Array): number | Promise<number>
  close(): void
}

/**
 * Hint: Bun writes such a stream to the socket without a queue in between, which saves CPU on every chunk. Its
 * `fetch` gathers what comes while nobody reads, so that reading at the pace of `pace` makes fewer, larger chunks.
 */
function directStream(session: Session): ReadableStream<Uint8Array> {
  let leave = () => {}
  const source = {
    type: 'direct',
    pull(sink: DirectSink) {
      return new Promise<void>((resolve, reject) => {
        leave = resolve
        // Hint: a rejection with `undefined` makes Bun reset the connection without printing an error.
        session.breakOff = () => reject(undefined)
        session.receive = (bytes) => {
          const written = bytes && sink.write(bytes)
          if (session.ended()) {
            sink.close()
            resolve()
          } else if (written instanceof Promise) written.then(session.ask, leave)
          else pace(session.ask)
        }
        session.ask()
      })
    },
    cancel() {
      session.cancel()
      leave()
    },
  }
  return new ReadableStream(source as unknown as UnderlyingDefaultSource<Uint8Array>)
}

function interrupted(error: unknown): Failure {
  const reason = plain(error instanceof Error ? error.message : String(error))
  return failure('interrupted', `The provider's stream broke off: ${reason}`.slice(0, 200))
}

function timeout(idleTimeoutMs: number): Failure {
  return failure('timeout', `The provider sent nothing for ${idleTimeoutMs} ms.`)
}

function failure(kind: 'timeout' | 'interrupted', message: string): Failure {
  return { class: kind, status: null, message, retry_after_ms: null, limit: null }
}
