import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RUNTIMES } from './runtimes.ts'
import { say, startWorld, type World } from './world.ts'

const MAX_BODY = 100_000
const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
const withMessages = (messages: string, rest = '') => `{"model":"only","messages":${messages}${rest}}`
const MESSAGES = '[{"role":"user","content":"x"}]'

/** What is sent, and the status, code and (within) the message of the answer. */
const WRONG: [what: string, body: string, status: number, code: string, message: string][] = [
  ['nothing', '', 400, 'invalid_json', 'not valid JSON'],
  ['half of a body', withMessages(MESSAGES).slice(0, -5), 400, 'invalid_json', 'not valid JSON'],
  ['words', 'hello', 400, 'invalid_json', 'not valid JSON'],
  ['brackets without end', '['.repeat(50_000), 400, 'invalid_json', 'not valid JSON'],
  ['a list', '[]', 400, 'invalid_type', '"body" is an empty list'],
  ['null', 'null', 400, 'invalid_type', '"body" is null'],
  ['deep nesting', deep(40_000), 400, 'invalid_type', '"body" is a list'],
  ['no model', `{"messages":${MESSAGES}}`, 400, 'invalid_type', '"model" is missing'],
  ['a number as model', `{"model":7,"messages":${MESSAGES}}`, 400, 'invalid_type', '"model" is 7'],
  [
    'a prompt as model',
    `{"model":"${'x'.repeat(50_000)}","messages":${MESSAGES}}`,
    400,
    'invalid_type',
    '"model" is longer than 256 characters.',
  ],
  ['no messages', '{"model":"only"}', 400, 'invalid_type', '"messages" is missing'],
  ['a message of null', withMessages('[null]'), 400, 'invalid_type', '"messages[0]" is null'],
  ['no role', withMessages('[{"content":"x"}]'), 400, 'invalid_type', '"messages[0].role" is missing'],
  ['content of 5', withMessages('[{"role":"user","content":5}]'), 400, 'invalid_type', 'content" is 5'],
  ['parts of null', withMessages('[{"role":"user","content":[null]}]'), 400, 'invalid_type', 'content[0]"'],
  ['a text as stream', withMessages(MESSAGES, ',"stream":"yes"'), 400, 'invalid_type', '"stream" is a str'],
  ['max_tokens of -1', withMessages(MESSAGES, ',"max_tokens":-1'), 400, 'invalid_type', '"max_tokens" is -1'],
  ['max_tokens of 1e400', withMessages(MESSAGES, ',"max_tokens":1e400'), 400, 'invalid_type', 'max_tokens'],
  ['an unknown model', `{"model":"__proto__","messages":${MESSAGES}}`, 404, 'model_not_found', 'auto, only'],
]

/** What is unusual, and no reason to refuse. */
const UNUSUAL: [what: string, body: string][] = [
  ['a field called __proto__', withMessages(MESSAGES, ',"__proto__":{"stream":true},"constructor":1')],
  ['lone surrogates', withMessages('[{"role":"user","content":"\\ud800 \\udc00"}]')],
  ['keys given twice', withMessages(MESSAGES, ',"model":"only"')],
  ['a byte order mark', `\uFEFF${withMessages(MESSAGES)}`],
  ['unset fields of null', withMessages(MESSAGES, ',"stream":null,"tools":null,"max_tokens":null')],
  ['parts without what their type promises', withMessages('[{"role":"user","content":[{"type":"text"}]}]')],
]

describe.each(RUNTIMES)('what clients get wrong, %s', (runtime) => {
  let world: World<'only'>
  beforeAll(async () => {
    world = await startWorld({
      runtime,
      llms: { only: {} },
      config: { general: { max_body: MAX_BODY, log_level: 'debug' } },
    })
  })
  afterAll(async () => {
    expect(world.server.stderr()).not.toMatch(/"level":"error"|^\s+at /m)
    await world.close()
  })

  test.each(WRONG)('is named when it sends %s', async (_, body, status, code, message) => {
    const answer = await world.ask(body)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('x-should-retry')).toBe('false')
    const { error } = await answer.json()
    expect(error).toMatchObject({ type: 'invalid_request_error', code })
    expect(error.message).toContain(message)
  })

  test.each(UNUSUAL)('does not include %s', async (_, body) => {
    const answer = await world.ask(body)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('choices')
  })

  test('is a body that is too large, whether it says so or not', async () => {
    const large = JSON.stringify(say('only', 'x'.repeat(MAX_BODY)))
    const before = world.fakes.only.requests.length
    for (const body of [large, streamOf(large)]) {
      const answer = await fetch(`${world.server.url}/v1/chat/completions`, {
        method: 'POST',
        body,
        duplex: 'half',
      } as RequestInit)
      expect(answer.status).toBe(413)
      const { error } = await answer.json()
      expect(error.code).toBe('request_too_large')
      expect(error.message).toContain(`larger than ${MAX_BODY} bytes`)
    }
    expect(world.fakes.only.requests.length).toBe(before)
    const fits = JSON.stringify(say('only', 'x'.repeat(MAX_BODY - 200)))
    const answer = await fetch(`${world.server.url}/v1/chat/completions`, {
      method: 'POST',
      body: streamOf(fits),
      duplex: 'half',
    } as RequestInit)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('choices')
  })

  test('is a path or a method that is not there', async () => {
    for (const [method, path] of [
      ['POST', '/v1/embeddings'],
      ['GET', '/v1/chat/completions'],
      ['DELETE', '/v1/models'],
      ['GET', '/%2e%2e/etc/passwd'],
      ['POST', '/v1/chat/completions/'],
    ]) {
      const answer = await fetch(world.server.url + path, { method })
      expect(answer.status).toBe(404)
      const { error } = await answer.json()
      expect(error.message).toContain('Endpoints: POST /v1/chat/completions')
    }
  })

  test.each([
    ['no HTTP at all', '\u0016\u0003\u0001 hello\r\n\r\n'],
    ['two lengths', post('Content-Length: 5\r\nContent-Length: 6\r\n', '{}')],
    ['a length and chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['a length that is none', post('Content-Length: five\r\n', '{}')],
    ['chunks that are none', post('Transfer-Encoding: chunked\r\n', 'zz\r\nhello\r\n')],
  ])('does no harm when it sends %s', async (_, bytes) => {
    const answer = await raw(world.server.port, bytes)
    expect(answer).not.toMatch(/^HTTP\/1\.1 200/)
    expect((await fetch(`${world.server.url}/health`)).status).toBe(200)
  })

  test('does not keep the next one from its answer', async () => {
    const answer = await world.ask(say('only', 'Are you there?'))
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('Réponse')
  })
})

function streamOf(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream()
}

function post(headers: string, body: string): string {
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`
}

/** Sends bytes and gives what comes back until the server closes, or we do after the first answer. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(3_000, () => socket.destroy())
    socket.on('data', (chunk) => {
      text += chunk
      socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
}
