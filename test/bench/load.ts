import { connect, type Socket } from 'node:net'

export interface Load {
  readonly port: number
  readonly requests: number
  readonly concurrency: number
  /** The JSON body of every request. */
  readonly body: string
}

const END = '\r\n0\r\n\r\n'

/**
 * Sends `requests` requests over `concurrency` keep-alive sockets and reads every answer to its end.
 * Hand-made HTTP/1.1, so that the load costs less than the proxy under test.
 * Gives the number of errors: an answer that is not 200, a stream without `[DONE]`, a connection that broke.
 */
export async function drive({ port, requests, concurrency, body }: Load): Promise<number> {
  const request = Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  let left = requests
  const next = () => left-- > 0
  const workers = Array.from({ length: Math.min(concurrency, requests) }, () => work(port, request, next))
  const errors = await Promise.all(workers)
  return errors.reduce((sum, count) => sum + count, 0)
}

/** One socket asking again and again while `next` says so. After a broken connection it opens another. */
async function work(port: number, request: Buffer, next: () => boolean): Promise<number> {
  let errors = 0
  let socket: Socket | null = null
  while (next()) {
    socket ??= connect({ port, host: '127.0.0.1', noDelay: true })
    const outcome = await ask(socket, request)
    if (outcome === 'ok') continue
    errors += 1
    socket.destroy()
    socket = null
  }
  socket?.destroy()
  return errors
}

function ask(socket: Socket, request: Buffer): Promise<'ok' | 'error'> {
  return new Promise((resolve) => {
    let head = ''
    let total = 0
    let tail = ''
    const finish = (outcome: 'ok' | 'error') => {
      socket.removeAllListeners()
      socket.on('error', () => {})
      resolve(outcome)
    }
    socket.once('error', () => finish('error'))
    socket.once('close', () => finish('error'))
    socket.on('data', (bytes: Buffer) => {
      if (!head.includes('\r\n\r\n')) head += bytes.toString('latin1')
      total += bytes.length
      tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - 64))).slice(-64)
      if (isComplete(head, total, tail)) finish(isGood(head, tail) ? 'ok' : 'error')
    })
    socket.write(request)
  })
}

function isComplete(head: string, total: number, tail: string): boolean {
  const headEnd = head.indexOf('\r\n\r\n')
  if (headEnd < 0) return false
  const length = /content-length: *(\d+)/i.exec(head.slice(0, headEnd))?.[1]
  return length === undefined ? tail.endsWith(END) : total >= headEnd + 4 + Number(length)
}

function isGood(head: string, tail: string): boolean {
  if (!head.startsWith('HTTP/1.1 200')) return false
  return !head.includes('text/event-stream') || tail.includes('data: [DONE]')
}
