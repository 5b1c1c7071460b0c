/** A server that says on standard output what `listen` tells it, for the tests of `listen` on every runtime. */
import { parseArgs } from 'node:util'
import { listen } from '../../src/http/listen.ts'

const { values } = parseArgs({
  allowPositionals: true,
  options: { port: { type: 'string', default: '0' }, config: { type: 'string' } },
})
const say = (text: string) => process.stdout.write(`${text}\n`)
const encoder = new TextEncoder()
let releaseSlow = () => {}

const listener = await listen({
  hostname: '127.0.0.1',
  port: Number(values.port),
  async fetch(request, peer) {
    const path = new URL(request.url).pathname
    request.signal.addEventListener('abort', () => say(`aborted ${path}`))
    const body = await request.text()
    say(`received ${path}`)
    if (path === '/wait') return new Promise<Response>(() => {})
    if (path === '/stream') return new Response(endless())
    if (path === '/slow') return new Response(slow())
    return Response.json({ length: body.length, peer: peer.remoteAddress() })
  },
}).catch((error: Error) => {
  process.stderr.write(`${error.name}: ${error.message}\n`)
  process.exit(2)
})
say(`listening on http://127.0.0.1:${listener.port}`)

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode('first')),
    cancel: () => void say('cancelled /stream'),
  })
}

/** Ends when the server is told to stop. */
function slow(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode('begun, '))
      releaseSlow = () => {
        controller.enqueue(encoder.encode('ended'))
        controller.close()
      }
    },
  })
}

process.on('SIGTERM', async () => {
  const stopped = listener.stop(true)
  say('stopping')
  releaseSlow()
  await stopped
  say('stopped')
  process.exit(0)
})
process.on('SIGINT', async () => {
  void listener.stop(true)
  await listener.stop(false)
  say('stopped')
  process.exit(0)
})
