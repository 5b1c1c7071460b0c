import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { networkFailure } from '../../src/upstream/transport.ts'
import { ROOT, RUNTIMES, type Runtime, runtimeCommand } from '../e2e/runtimes.ts'

const run = promisify(execFile)
const seen: Record<string, { headers: Record<string, unknown>; body: string; left: Promise<void> }> = {}
let http: Server
let raw: TcpServer
let closedPort: number

beforeAll(async () => {
  http = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    const left = new Promise<void>((resolve) => response.once('close', resolve))
    seen[request.url!] = { headers: request.headers, body, left }
    answers[request.url!.split('?')[0]!]!(response)
  })
  raw = createTcpServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end('SSH-2.0-OpenSSH_9.6\r\n'))
  })
  const unused = createTcpServer()
  await Promise.all([http, raw, unused].map(listening))
  closedPort = portOf(unused)
  await new Promise((resolve) => unused.close(resolve))
})

afterAll(() => {
  http.close()
  http.closeAllConnections()
  raw.close()
})

type Response = import('node:http').ServerResponse
const answers: Record<string, (response: Response) => void> = {
  '/whole': (response) => response.end('whole ✓'),
  '/error': (response) => response.writeHead(503, { 'retry-after': '2' }).end('busy'),
  '/moved': (response) => response.writeHead(302, { location: '/whole' }).end('moved'),
  '/gzip': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('packed')),
  '/empty': (response) => response.writeHead(204).end(),
  '/reset': (response) => response.socket!.resetAndDestroy(),
  '/closed': (response) => response.socket!.destroy(),
  '/begun': (response) => response.write('begun'),
  '/begun-reset': (response) => response.write('begun', () => response.socket!.resetAndDestroy()),
  '/begun-cut': (response) => response.write('begun', () => response.socket!.destroy()),
}

describe.each(RUNTIMES)('the transport on %s', (runtime) => {
  const url = (path: string) => `http://127.0.0.1:${portOf(http)}${path}?${runtime}`

  test('hands back status, headers and bytes as they came, redirects and errors included', async () => {
    const outcomes = await probe(runtime, {
      whole: { url: url('/whole'), headers: { authorization: 'Bearer k' } },
      error: { url: url('/error') },
      moved: { url: url('/moved') },
      gzip: { url: url('/gzip') },
      empty: { url: url('/empty') },
    })
    expect(outcomes).toEqual({
      whole: { status: 200, location: null, text: 'whole ✓' },
      error: { status: 503, location: null, text: 'busy' },
      moved: { status: 302, location: '/whole', text: 'moved' },
      gzip: { status: 200, location: null, text: 'packed' },
      empty: { status: 204, location: null, text: '' },
    })
    const sent = seen[`/whole?${runtime}`]!
    expect(sent.body).toBe('{"a":"é"}')
    expect(sent.headers).toMatchObject({ authorization: 'Bearer k', 'accept-encoding': 'identity' })
  })

  test('tells a provider that was never reached from a connection that broke', async () => {
    const outcomes = await probe(runtime, {
      refused: { url: `http://127.0.0.1:${closedPort}/` },
      unknown: { url: 'http://unknown.invalid/' },
      tls: { url: url('/whole').replace('http:', 'https:') },
      reset: { url: url('/reset') },
      closed: { url: url('/closed') },
      begunReset: { url: url('/begun-reset') },
      begunCut: { url: url('/begun-cut') },
      notHttp: { url: `http://127.0.0.1:${portOf(raw)}/` },
    })
    const failed = (kind: string) => ({ class: kind, status: null, retry_after_ms: null, limit: null })
    expect(outcomes).toMatchObject({
      refused: failed('unreachable'),
      unknown: failed('unreachable'),
      tls: failed('unreachable'),
      reset: failed('interrupted'),
      closed: failed('interrupted'),
      begunReset: failed('interrupted'),
      begunCut: failed('interrupted'),
      notHttp: failed('interrupted'),
    })
    expect(JSON.stringify(outcomes)).not.toMatch(/127\.0\.0\.1|invalid\//)
  })

  test('never repeats a key or an address that cannot be sent', async () => {
    const outcomes = await probe(runtime, {
      key: { url: url('/whole'), headers: { authorization: 'Bearer secret\nsecret' } },
      address: { url: 'http://127.0.0.1:99999/secret' },
    })
    const message = 'the request cannot be sent: its address or its key is malformed'
    expect(outcomes).toMatchObject({
      key: { class: 'unreachable', message },
      address: { class: 'unreachable', message },
    })
  })

  test('lets go of the connection when it is aborted and when its body is cancelled', async () => {
    const outcomes = await probe(runtime, {
      before: { url: url('/whole'), abort: 'before' },
      aborted: { url: `${url('/begun')}-aborted`, abort: 'body' },
      cancelled: { url: `${url('/begun')}-cancelled`, cancel: true },
      after: { url: url('/whole') },
    })
    expect(outcomes).toMatchObject({ before: 'aborted', aborted: 'aborted', cancelled: { text: 'begun' } })
    expect(outcomes).toMatchObject({ after: { text: 'whole ✓' } })
    await seen[`/begun?${runtime}-aborted`]!.left
    await seen[`/begun?${runtime}-cancelled`]!.left
  })
})

test('an error nobody has seen before counts as a request that may have reached the provider', () => {
  expect(networkFailure(new Error('something new'))).toMatchObject({
    class: 'interrupted',
    message: 'the connection to the provider broke: something new',
  })
  expect(networkFailure('text')).toMatchObject({ class: 'interrupted' })
})

async function probe(runtime: Runtime, probes: Record<string, unknown>): Promise<Record<string, unknown>> {
  const [command, ...flags] = runtimeCommand(runtime)
  const script = join(ROOT, 'test/upstream/transport-probe.ts')
  const { stdout } = await run(command, [...flags, script, JSON.stringify(probes)], { cwd: ROOT })
  return JSON.parse(stdout)
}

function listening(server: Server | TcpServer): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
}

function portOf(server: Server | TcpServer): number {
  return (server.address() as AddressInfo).port
}
