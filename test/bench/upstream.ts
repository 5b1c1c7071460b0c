import { createServer, type Socket } from 'node:net'

/**
 * A provider that costs next to nothing: raw sockets and answers baked once. It reads three fields of a request:
 * `stream`, `max_tokens` (how many chunks to stream) and `seed` (ms between two chunks, on average: the tokens of real streams do not come in step).
 */
const WORDS = 'The quick brown fox jumps over the lazy dog and runs on'

const chunk = (choices: unknown[], usage: unknown = null) =>
  frame(
    `data: ${JSON.stringify({
      id: 'chatcmpl-bench0123456789',
      object: 'chat.completion.chunk',
      created: 1_700_000_000,
      model: 'bench-model',
      service_tier: 'default',
      system_fingerprint: 'fp_44709d6fcb',
      choices,
      usage,
    })}\n\n`,
  )
const frame = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const USAGE = { prompt_tokens: 20, completion_tokens: 50, total_tokens: 70 }

const TOKEN = Buffer.from(
  chunk([{ index: 0, delta: { content: 'word ' }, logprobs: null, finish_reason: null }]),
)
const STREAM_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n',
)
const STREAM_TAIL = Buffer.from(
  chunk([{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }]) +
    chunk([], USAGE) +
    frame('data: [DONE]\n\n') +
    '0\r\n\r\n',
)

const ANSWER_BODY = JSON.stringify({
  id: 'chatcmpl-bench0123456789',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'bench-model',
  choices: [
    { index: 0, message: { role: 'assistant', content: `${WORDS}. `.repeat(5) }, finish_reason: 'stop' },
  ],
  usage: USAGE,
})
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ANSWER_BODY.length}\r\n\r\n${ANSWER_BODY}`,
)

function answer(socket: Socket, body: string): void {
  if (!/"stream":\s*true/.test(body)) {
    socket.write(ANSWER)
    return
  }
  let left = Number(/"max_(?:completion_)?tokens":\s*(\d+)/.exec(body)?.[1] ?? 20)
  const intervalMs = Number(/"seed":\s*(\d+)/.exec(body)?.[1] ?? 10)
  socket.write(STREAM_HEAD)
  let timer: ReturnType<typeof setTimeout>
  const next = () => {
    socket.write(left > 0 ? TOKEN : STREAM_TAIL)
    if (left-- > 0) timer = setTimeout(next, 2 * intervalMs * Math.random())
  }
  timer = setTimeout(next, 2 * intervalMs * Math.random())
  socket.once('close', () => clearTimeout(timer))
}

/** Where the body of the first request in `text` starts and ends, or null while it is incomplete. */
function bounds(text: string): { start: number; end: number } | null {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return null
  const start = headEnd + 4
  const length = Number(/content-length: *(\d+)/i.exec(text.slice(0, headEnd))?.[1] ?? 0)
  return text.length < start + length ? null : { start, end: start + length }
}

const server = createServer({ noDelay: true }, (socket) => {
  let pending = ''
  socket.setMaxListeners(0)
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes) => {
    pending += bytes.toString('latin1')
    for (let found = bounds(pending); found; found = bounds(pending)) {
      answer(socket, pending.slice(found.start, found.end))
      pending = pending.slice(found.end)
    }
  })
})

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
})
