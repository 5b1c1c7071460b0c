import { listen } from '../../src/http/listen.ts'
import { type RelayOutcome, relayStream } from '../../src/upstream/relay.ts'

/** A server that relays an endless stream at `/`, and tells at `/state` how far it got. For `relay.test.ts`. */
const CHUNK = new Uint8Array(64 * 1024).fill(46)
let chunks = 0
let aborts = 0
const outcomes: RelayOutcome['kind'][] = []

function endless(): Response {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve))
      chunks += 1
      controller.enqueue(CHUNK)
    },
  })
  const upstream = new AbortController()
  upstream.signal.addEventListener('abort', () => {
    aborts += 1
  })
  const relay = {
    push: (c: Uint8Array) => c,
    end: () => null,
    usage: null,
    finishReason: null,
    failure: null,
  }
  const source = { reader: body.getReader(), relay, opening: null, upstream, idleTimeoutMs: 60_000 }
  const done = ({ kind }: RelayOutcome) => outcomes.push(kind)
  const relayed = relayStream(source, { done, errorEvent: () => CHUNK })
  return new Response(relayed as ReadableStream<Uint8Array<ArrayBuffer>>)
}

const { port } = await listen({
  hostname: '127.0.0.1',
  port: 0,
  fetch: ({ url }) => (url.endsWith('/state') ? Response.json({ chunks, aborts, outcomes }) : endless()),
})
process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
