import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Failure } from '../../src/core/events.ts'
import type { StreamRelay } from '../../src/upstream/adapter.ts'
import { type Opening, type RelayOutcome, readFirst, relayStream } from '../../src/upstream/relay.ts'

const OVERLOADED: Failure = {
  class: 'overloaded',
  status: null,
  message: 'busy',
  retry_after_ms: null,
  limit: null,
}
const bytes = (text: string) => new TextEncoder().encode(text)

/** A relay that knows three words: `skip` gives nothing, `fail` is an error, `cut` makes the end one. */
function wordRelay(last: string | null = null) {
  const relay = {
    usage: null,
    finishReason: null,
    failure: null as Failure | null,
    ends: 0,
    push(chunk: Uint8Array) {
      const text = new TextDecoder().decode(chunk)
      if (text.endsWith('fail')) relay.failure = OVERLOADED
      if (text === 'skip' || text === 'fail') return null
      return text.endsWith('fail') ? chunk.subarray(0, -4) : chunk
    },
    end() {
      relay.ends += 1
      if (last === 'cut') relay.failure = OVERLOADED
      return last === null || last === 'cut' ? null : bytes(last)
    },
  }
  return relay satisfies StreamRelay
}

/** An upstream that gives one text per read, then ends, breaks off, or says nothing more. */
function upstreamOf(texts: readonly string[], after: 'end' | 'break' | 'hang' = 'end') {
  const state = { pulls: 0, cancelled: false }
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const text = texts[state.pulls++]
        if (text !== undefined) return controller.enqueue(bytes(text))
        if (after === 'hang') return new Promise(() => {})
        if (after === 'break') controller.error(new Error('socket hang up'))
        else controller.close()
      },
      cancel() {
        state.cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { reader: body.getReader(), state }
}

interface Setup {
  texts: readonly string[]
  after?: 'end' | 'break' | 'hang'
  last?: string
  opening?: Opening
}

function relayed({ texts, after, last, opening }: Setup) {
  const { reader, state } = upstreamOf(texts, after)
  const relay = wordRelay(last)
  const upstream = new AbortController()
  const outcomes: RelayOutcome[] = []
  const hooks = {
    done: (outcome: RelayOutcome) => void outcomes.push(outcome),
    errorEvent: (failure: Failure) => bytes(`<${failure.class}>`),
  }
  const source = { reader, relay, opening: opening ?? null, upstream, idleTimeoutMs: 1000 }
  const stream = relayStream(source, hooks)
  return { stream, outcomes, state, relay, signal: upstream.signal }
}

const textOf = (stream: ReadableStream<Uint8Array>) =>
  new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text()

afterEach(() => {
  vi.useRealTimers()
})

describe('a stream that goes well', () => {
  test('reaches the client whole and is reported once', async () => {
    const { stream, outcomes, signal } = relayed({ texts: ['one ', 'skip', 'two'] })
    expect(await textOf(stream)).toBe('one two')
    expect(outcomes).toEqual([{ kind: 'finished', bytes: 7 }])
    expect(signal.aborted).toBe(false)
  })

  test('ends with the last bytes of the relay', async () => {
    const { stream, outcomes, relay } = relayed({ texts: ['one '], last: 'end' })
    expect(await textOf(stream)).toBe('one end')
    expect(outcomes).toEqual([{ kind: 'finished', bytes: 7 }])
    expect(relay.ends).toBe(1)
  })

  test('starts with the bytes that were read before', async () => {
    const { stream } = relayed({ texts: ['two'], opening: { bytes: bytes('one '), ended: false } })
    expect(await textOf(stream)).toBe('one two')
  })

  test('may have been read to its end before', async () => {
    const { stream, outcomes, relay } = relayed({ texts: [], opening: { bytes: bytes('all'), ended: true } })
    expect(await textOf(stream)).toBe('all')
    expect(outcomes).toEqual([{ kind: 'finished', bytes: 3 }])
    expect(relay.ends).toBe(0)
  })

  test('reads nothing that the client has not asked for', async () => {
    const { stream, state } = relayed({ texts: ['one', 'two', 'three'], after: 'hang' })
    const client = stream.getReader()
    await client.read()
    expect(state.pulls).toBe(1)
    await client.cancel()
  })
})

describe('a stream that goes wrong', () => {
  test('ends with an error event when the provider breaks off', async () => {
    const { stream, outcomes, signal } = relayed({ texts: ['one '], after: 'break' })
    expect(await textOf(stream)).toBe('one <interrupted>')
    const message = "The provider's stream broke off: socket hang up"
    expect(outcomes).toMatchObject([
      { kind: 'failed', bytes: 17, failure: { class: 'interrupted', message } },
    ])
    expect(signal.aborted).toBe(true)
  })

  test('keeps what came before an error of the provider and drops what follows', async () => {
    const { stream, outcomes, state } = relayed({ texts: ['one ', 'two fail', 'three'] })
    expect(await textOf(stream)).toBe('one two <overloaded>')
    expect(outcomes).toEqual([{ kind: 'failed', bytes: 20, failure: OVERLOADED }])
    expect(state.cancelled).toBe(true)
  })

  test('tells of an end that came too early', async () => {
    const { stream, outcomes } = relayed({ texts: ['one '], last: 'cut' })
    expect(await textOf(stream)).toBe('one <overloaded>')
    expect(outcomes).toMatchObject([{ kind: 'failed' }])
  })

  test('ends the upstream call at once when the client leaves', async () => {
    const { stream, outcomes, state, signal } = relayed({ texts: ['one'], after: 'hang' })
    const client = stream.getReader()
    await client.read()
    const waiting = client.read()
    await client.cancel()
    expect((await waiting).done).toBe(true)
    expect(outcomes).toEqual([{ kind: 'cancelled', bytes: 3 }])
    expect(signal.aborted).toBe(true)
    expect(state.cancelled).toBe(true)
  })

  test('fails after the idle timeout when the provider falls silent', async () => {
    vi.useFakeTimers()
    const { stream, outcomes, signal } = relayed({ texts: ['one '], after: 'hang' })
    const text = textOf(stream)
    await vi.advanceTimersByTimeAsync(999)
    expect(outcomes).toEqual([])
    await vi.advanceTimersByTimeAsync(251)
    expect(await text).toBe('one <timeout>')
    const message = 'The provider sent nothing for 1000 ms.'
    expect(outcomes).toMatchObject([{ kind: 'failed', failure: { class: 'timeout', message } }])
    expect(signal.aborted).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is given up when the client takes nothing for the idle timeout', async () => {
    vi.useFakeTimers()
    const { stream, outcomes, state } = relayed({ texts: ['one', 'two'], after: 'hang' })
    const client = stream.getReader()
    await client.read()
    await vi.advanceTimersByTimeAsync(1250)
    expect(outcomes).toEqual([{ kind: 'cancelled', bytes: 3 }])
    expect(state.cancelled).toBe(true)
    await expect(client.read()).rejects.toThrow('the client took nothing for too long')
  })

  test('is reported exactly once, whatever the provider sends and whenever the client leaves', async () => {
    const script = fc.array(fc.constantFrom('a', 'skip', 'fail', 'bfail'), { maxLength: 6 })
    const after = fc.constantFrom('end', 'break', 'hang')
    const last = fc.option(fc.constantFrom('cut', 'z'), { nil: undefined })
    await fc.assert(
      fc.asyncProperty(script, after, last, fc.nat(6), async (texts, after, last, reads) => {
        const { stream, outcomes } = relayed({ texts, after, last })
        const client = stream.getReader()
        let taken = 0
        for (let read = 0; read < reads; read++) {
          const next = client.read()
          if (after === 'hang' && read >= texts.filter((text) => text !== 'skip').length) break
          taken += (await next).value?.length ?? 0
        }
        await client.cancel()
        expect(outcomes).toHaveLength(1)
        expect(outcomes[0]!.bytes).toBe(taken)
      }),
    )
  })
})

describe('the first read', () => {
  test('goes on until there is something for the client', async () => {
    const { reader } = upstreamOf(['skip', 'one', 'two'])
    expect(await readFirst(reader, wordRelay())).toEqual({
      ok: true,
      value: { bytes: bytes('one'), ended: false },
    })
  })

  test('tells when the stream was over at once', async () => {
    const { reader } = upstreamOf([])
    expect(await readFirst(reader, wordRelay('z'))).toEqual({
      ok: true,
      value: { bytes: bytes('z'), ended: true },
    })
  })

  test('gives the failure of a stream that starts with one', async () => {
    const { reader } = upstreamOf(['skip', 'fail'])
    expect(await readFirst(reader, wordRelay())).toEqual({ ok: false, failure: OVERLOADED })
  })

  test('gives a failure when the provider breaks off', async () => {
    const { reader } = upstreamOf([], 'break')
    const first = await readFirst(reader, wordRelay())
    expect(first).toMatchObject({ ok: false, failure: { class: 'interrupted' } })
  })
})

describe.each(['bun', 'node', 'deno'])('on %s, over real sockets', (runtime) => {
  test('a client that takes nothing holds up the provider, and one that leaves ends the call', async () => {
    const server = startServer(runtime)
    try {
      const port = await portOf(server)
      const state = async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/state`)
        return (await answer.json()) as { chunks: number; aborts: number; outcomes: string[] }
      }
      const client = connect(port, '127.0.0.1')
      client.pause()
      client.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
      await vi.waitUntil(
        async () => {
          const before = (await state()).chunks
          await new Promise((resolve) => setTimeout(resolve, 100))
          return before > 0 && (await state()).chunks === before
        },
        { timeout: 10_000 },
      )
      const held = await state()
      expect(held.chunks * 64 * 1024).toBeLessThan(32 * 1024 * 1024)
      expect(held.outcomes).toEqual([])
      client.destroy()
      await vi.waitUntil(async () => (await state()).outcomes.length > 0, { timeout: 10_000 })
      expect(await state()).toMatchObject({ aborts: 1, outcomes: ['cancelled'] })
    } finally {
      process.kill(-server.pid!, 'SIGKILL')
    }
  })
})

function startServer(runtime: string): ChildProcess {
  const script = new URL('relay-server.ts', import.meta.url).pathname
  const command = new URL(`../../node_modules/.bin/${runtime}`, import.meta.url).pathname
  const args = runtime === 'deno' ? ['run', '-A', '--no-check', script] : [script]
  // The deno command is a script around the runtime: only as a group do both end.
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
}

async function portOf(server: ChildProcess): Promise<number> {
  const [line] = (await once(server.stdout!, 'data')) as [Buffer]
  return Number(/:(\d+)\s/.exec(line.toString())?.[1])
}
