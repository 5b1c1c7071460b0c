import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningServer, startServer } from '../e2e/harness.ts'
import { RUNTIMES } from '../e2e/runtimes.ts'

const tiny = { config: '', script: 'test/http/tiny-server.ts' }

describe.each(RUNTIMES)('listening on %s', (runtime) => {
  let server: RunningServer
  beforeAll(async () => {
    server = await startServer({ runtime, ...tiny })
  })
  afterAll(() => server?.discard())

  test('takes a free port, reads bodies of many megabytes and knows the client', async () => {
    const answer = await fetch(`${server.url}/`, { method: 'POST', body: 'x'.repeat(20_000_000) })
    expect(await answer.json()).toEqual({ length: 20_000_000, peer: '127.0.0.1' })
  })

  test('does not call an answer that was delivered in full an abort', async () => {
    const answer = await fetch(`${server.url}/whole`, { method: 'POST', body: 'x' })
    await answer.text()
    await (await fetch(`${server.url}/after`, { method: 'POST', body: 'x' })).text()
    expect(server.stdout()).not.toContain('aborted')
  })

  test('aborts the request of a client that leaves while its request waits', async () => {
    const leave = post(`${server.url}/wait`)
    await server.saw(/received \/wait/)
    leave()
    await server.saw(/aborted \/wait/)
  })

  test('aborts the request and cancels the answer of a client that leaves in mid-stream', async () => {
    const begun = Promise.withResolvers<void>()
    const leave = post(`${server.url}/stream`, begun.resolve)
    await begun.promise
    leave()
    await server.saw(/aborted \/stream/)
    await server.saw(/cancelled \/stream/)
  })

  test('says that a port is in use, without a stack trace', async () => {
    const second = startServer({ runtime, ...tiny, port: server.port })
    await expect(second).rejects.toThrow(`ended with 2 before`)
    await expect(second).rejects.toThrow(
      `ListenError: cannot listen on 127.0.0.1:${server.port}: the port is in use; choose another with --port, LLB_PORT or general.listen_port\n`,
    )
  })

  test('stops gracefully: answers under way are finished, new connections refused', async () => {
    const stopping = await startServer({ runtime, ...tiny })
    const answer = await fetch(`${stopping.url}/slow`, { method: 'POST', body: 'x' })
    stopping.kill('SIGTERM')
    expect(await answer.text()).toBe('begun, ended')
    expect(await stopping.exited).toBe(0)
    await expect(fetch(stopping.url)).rejects.toThrow()
    expect(stopping.stdout()).toMatch(/stopping\nstopped\n$/)
    await stopping.discard()
  })

  test('stops at once when told so, even during a graceful stop', async () => {
    const stopping = await startServer({ runtime, ...tiny })
    const answer = await fetch(`${stopping.url}/slow`, { method: 'POST', body: 'x' })
    stopping.kill('SIGINT')
    expect(await stopping.exited).toBe(0)
    await expect(answer.text()).rejects.toThrow()
    await stopping.discard()
  })
})

/** Sends a request whose connection the returned function cuts. */
function post(url: string, onData: () => void = () => {}): () => void {
  const request = httpRequest(url, { method: 'POST', agent: false }, (response) => {
    response.on('data', onData).on('error', () => {})
  })
  request.on('error', () => {}).end('x')
  return () => request.destroy()
}
