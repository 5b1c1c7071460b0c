import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Body } from '../fakes/server.ts'
import { runCommand } from './harness.ts'
import { RUNTIMES } from './runtimes.ts'
import { startWorld, until, type World } from './world.ts'

/** Marks in every place where a secret can stand, none of which is a word of its own anywhere else. */
const KEYS = { main: 'kanarie0key4711main', spare: 'kanarie1key4712spare', client: 'kanarie2key4713client' }
const IN_REQUEST = {
  prompt: 'kanarie3prompt',
  number: '90210471199',
  system: 'kanarie4system',
  file: 'kanarie5datei.pdf',
  url: 'https://kanarie6user:kanarie6word@pictures.example/kanarie6picture?token=kanarie6token',
  tool: 'kanarie7tool',
  property: 'kanarie8property',
  argument: 'kanarie9argument',
  result: 'kanarie10result',
  user: 'kanarie11user',
  type: 'kanarie12type',
}
const IN_ANSWER = {
  text: 'kanarie13answer',
  finish: 'kanarie14finish',
  id: 'kanarie15id',
  header: 'kanarie16header',
}
const IN_HEADERS = { cookie: 'kanarie17cookie', custom: 'kanarie18custom', wait: 'kanarie19wait' }

/** All that every provider is sent; there is no content of the type in question that all of them take. */
const SENT = Object.values(IN_REQUEST).filter((text) => text !== IN_REQUEST.type)

/** What has to be nowhere: each mark up to its first sign that is no letter or digit, which finds pieces, too. */
const MARKS = [KEYS, IN_REQUEST, IN_ANSWER, IN_HEADERS]
  .flatMap((group) => Object.values(group))
  .flatMap((text) => text.match(/kanarie\d+[a-z]|90210471199/g)!)

/** A request that holds every mark that a request can hold. */
const BODY: Body = {
  model: 'main',
  user: IN_REQUEST.user,
  metadata: { note: IN_REQUEST.user },
  messages: [
    { role: 'system', content: IN_REQUEST.system },
    { role: 'user', content: `${IN_REQUEST.prompt} and call ${IN_REQUEST.number}` },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        {
          id: 'call_1',
          type: 'function',
          function: {
            name: IN_REQUEST.tool,
            arguments: JSON.stringify({ [IN_REQUEST.property]: IN_REQUEST.argument }),
          },
        },
      ],
    },
    { role: 'tool', tool_call_id: 'call_1', content: IN_REQUEST.result },
    {
      role: 'user',
      content: [
        { type: 'text', text: IN_REQUEST.prompt },
        { type: 'image_url', image_url: { url: IN_REQUEST.url } },
        {
          type: 'file',
          file: { filename: IN_REQUEST.file, file_data: 'data:application/pdf;base64,JVBERi0=' },
        },
      ],
    },
  ],
  tools: [
    {
      type: 'function',
      function: {
        name: IN_REQUEST.tool,
        parameters: { type: 'object', properties: { [IN_REQUEST.property]: {} } },
      },
    },
  ],
}

const SSE = { 'content-type': 'text/event-stream' }
const sse = (...events: unknown[]) => events.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('')
const delta = (content: string, finish_reason: string | null = null) => ({
  id: IN_ANSWER.id,
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta: { content }, finish_reason }],
})

describe.each(RUNTIMES)('with secrets everywhere, %s', (runtime) => {
  let world: World<'main' | 'spare' | 'local'>
  const answers: string[] = []

  beforeAll(async () => {
    world = await startWorld({
      runtime,
      llms: {
        main: { options: { apiKey: KEYS.main }, config: { modes: ['text', 'vision', 'other'] } },
        spare: {
          type: 'google',
          options: { apiKey: KEYS.spare },
          config: { modes: ['text', 'vision', 'other'] },
        },
        local: { type: 'ollama', config: { modes: ['text', 'vision', 'other'] } },
      },
      config: {
        general: { log_level: 'debug' },
        clients: [{ name: 'tester', api_key_name: 'CLIENT_KEY' }],
      },
      env: { CLIENT_KEY: KEYS.client },
    })
    await play()
  }, 60_000)
  afterAll(() => world?.close())

  async function ask(more: object = {}, headers: Record<string, string> = {}): Promise<void> {
    const usual = {
      authorization: `Bearer ${KEYS.client}`,
      cookie: IN_HEADERS.cookie,
      'x-note': IN_HEADERS.custom,
    }
    const answer = await world.ask({ ...BODY, ...more }, { headers: { ...usual, ...headers } })
    answers.push(await answer.text())
  }

  /** Every way in which a provider can say what it was sent, each followed by a call that goes well. */
  async function play(): Promise<void> {
    const { main, spare, local } = world.fakes
    const said = [...SENT, KEYS.main, `${'long words '.repeat(26)}${KEYS.main}`]
    const echoes = said.map((mark) => `Cannot use ${mark} of yours`)
    for (const message of echoes) {
      for (const stream of [false, true]) {
        main.fail({ kind: 'answer', status: 500, body: { error: { message, code: 'x', param: message } } })
        await ask({ stream })
        await ask({ stream })
      }
    }
    const all = echoes.join(' ')
    const header = { 'x-request-id': IN_ANSWER.header, 'retry-after': IN_HEADERS.wait }
    const faults = [
      { status: 400, body: { error: { message: all, type: all } } },
      { status: 502, body: `<html><title>${IN_REQUEST.prompt}</title>${all}</html>` },
      { status: 500, body: `${IN_REQUEST.prompt}: not found`, headers: header },
      { status: 200, body: { error: { message: all, code: 500 } } },
      { status: 200, body: { error: { message: `after ${IN_ANSWER.text}`, code: 'json_validate_failed' } } },
      { status: 200, body: IN_ANSWER.text },
      {
        status: 200,
        body: {
          id: IN_ANSWER.id,
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: IN_ANSWER.text },
              finish_reason: IN_ANSWER.finish,
            },
          ],
        },
        headers: header,
      },
    ]
    for (const fault of faults) {
      main.fail({ kind: 'answer', ...fault })
      await ask()
      await ask()
    }
    const error = {
      error: { message: `after ${IN_ANSWER.text} comes ${IN_REQUEST.prompt}`, type: 'server_error' },
    }
    const streams = [
      sse(error),
      sse(delta(IN_ANSWER.text), error),
      sse(delta(IN_ANSWER.text), delta('', IN_ANSWER.finish), '[DONE]'),
      `data: ${IN_ANSWER.text}\n\n`,
      sse(delta(IN_ANSWER.text)),
    ]
    for (const body of streams) {
      main.fail({ kind: 'answer', status: 200, body, headers: SSE })
      await ask({ stream: true })
      await ask({ stream: true })
    }
    for (const [fake, model, key] of [
      [spare, 'spare', KEYS.spare],
      [local, 'local', 'none'],
    ] as const) {
      const plain = { model, messages: [{ role: 'user', content: IN_REQUEST.prompt }], tools: [] }
      const message = `Cannot use ${IN_REQUEST.prompt} with ${key}`
      fake.fail({ kind: 'answer', status: 500, body: { error: { message } } })
      await ask(plain)
      await ask(plain)
      const odd = [{ role: 'user', content: [{ type: IN_REQUEST.type, text: IN_REQUEST.prompt }] }]
      await ask({ model, messages: odd, tools: [] })
      await ask(plain)
      await ask({ model })
      fake.fail({ kind: 'answer', status: 401, body: { error: { message } } })
      await ask({ ...plain, stream: true })
    }
    await ask({}, { authorization: `Bearer ${KEYS.client}x` })
    await ask({}, { 'x-llb-max-wait': IN_HEADERS.wait })
    await ask({ messages: IN_REQUEST.prompt })
    await until(() => world.log().some(({ type }) => type === 'llm.disabled'), 'a rejected key disables')
  }

  /** Marks that stand in a text, and what stands around them. */
  function marksIn(text: string): string[] {
    return MARKS.filter((mark) => text.includes(mark)).map((mark) => {
      const at = text.indexOf(mark)
      return `${mark}: ${text.slice(Math.max(0, at - 100), at + 100)}`
    })
  }

  test('really was told all of them', () => {
    const sent = world.fakes.main.requests.map(({ text, headers }) => text + JSON.stringify(headers)).join('')
    for (const mark of [...SENT, KEYS.main]) expect(sent).toContain(mark)
    expect(answers.join('')).toContain(IN_ANSWER.text)
    expect(answers.join('')).toContain(`Cannot use ${IN_REQUEST.prompt} of yours`)
    const failures = world.log().filter(({ type }) => type === 'attempt.failed')
    expect(failures.length).toBeGreaterThan(30)
  })

  test('keeps none of them in the files of its log, nor says one on its console', () => {
    const data = join(world.server.dir, 'data')
    const files = readdirSync(data).map((name) => readFileSync(join(data, name)).toString('latin1'))
    expect(files.join('')).toContain('attempt.failed')
    expect(marksIn(files.join('\n'))).toEqual([])
    expect(world.server.stderr()).toContain('its words are not kept')
    expect(marksIn(world.server.stdout() + world.server.stderr())).toEqual([])
  })

  test('exports none, and what it exports is in order', async () => {
    const command = (...args: string[]) => runCommand(runtime, args, { cwd: world.server.dir })
    const exported = await command('log', 'export')
    expect(exported.code).toBe(0)
    expect(
      exported.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(world.log())
    expect(marksIn(exported.stdout + exported.stderr)).toEqual([])
    const check = await command('log', 'check')
    expect(check).toMatchObject({ code: 0, stderr: '' })
    expect(check.stdout).toMatch(/\nnothing is wrong\n$/)
    const stats = await command('stats', '--json')
    expect(marksIn(stats.stdout + stats.stderr)).toEqual([])
  })

  test('gives none away to who asks how it is', async () => {
    const failed = world.log().filter(({ type }) => type === 'attempt.failed')
    const ids = new Set(failed.filter((_, i) => i % 5 === 0).map(({ request }) => request))
    const paths = ['/health', '/ready', '/v1/models', '/v1/models/main', '/admin/state']
    paths.push(...[...ids].map((id) => `/admin/requests/${id}`))
    for (const authorization of ['', `Bearer ${KEYS.client}`]) {
      const texts = paths.map(async (path) => {
        const answer = await fetch(world.server.url + path, { headers: { authorization } })
        return JSON.stringify([...answer.headers]) + (await answer.text())
      })
      expect(marksIn((await Promise.all(texts)).join('\n'))).toEqual([])
    }
  })
})

test('a key or an address with a password in the configuration is refused without a word of it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'llb-redaction-'))
  const llm = { api_type: 'openai', model: 'm', context_length: 1000, base_url: 'http://127.0.0.1:1/v1' }
  const llms = [
    { ...llm, name: 'A', api_key_name: 'sk-kanarie20key' },
    { ...llm, name: 'B', base_url: 'https://kanarie21user:kanarie21word@llm.example/v1' },
    { ...llm, name: 'C', base_url: 'https://llm.example/v1?key=kanarie22key' },
  ]
  writeFileSync(join(dir, 'config.yaml'), JSON.stringify({ llms }))
  const { code, stdout, stderr } = await runCommand('bun', ['check'], { cwd: dir })
  rmSync(dir, { recursive: true })
  expect(code).toBe(2)
  expect(stderr.match(/config\.yaml:/g)).toHaveLength(3)
  expect(stdout + stderr).not.toMatch(/kanarie/)
})
