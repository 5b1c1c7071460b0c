import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RUNTIMES } from './runtimes.ts'
import { say, startWorld, until, type World } from './world.ts'

const MESSAGES = [
  { role: 'system' as const, content: 'Be short.' },
  { role: 'user' as const, content: 'Why do programs wait?' },
]
const TOOLS = [
  {
    type: 'function' as const,
    function: { name: 'look_up', parameters: { type: 'object', properties: { digest: { type: 'string' } } } },
  },
]
const KEY = 'client-key-of-the-sdk'
const KINDS = ['openai', 'groq', 'google', 'ollama'] as const
type Kind = (typeof KINDS)[number]

/** What each provider has to be asked by, for a model called `NAME-model`. */
const ASKED: Record<Kind, { whole: string; stream: string; key: [string, string] }> = {
  openai: both('/v1/chat/completions', ['authorization', 'Bearer key-openai']),
  groq: both('/openai/v1/chat/completions', ['authorization', 'Bearer key-groq']),
  ollama: both('/api/chat', ['authorization', 'Bearer key-ollama']),
  google: {
    whole: '/v1beta/models/google-model:generateContent',
    stream: '/v1beta/models/google-model:streamGenerateContent?alt=sse',
    key: ['x-goog-api-key', 'key-google'],
  },
}

function both(path: string, key: [string, string]) {
  return { whole: path, stream: path, key }
}

describe.each(RUNTIMES)('the official SDK against %s', (runtime) => {
  let world: World<Kind>
  let client: OpenAI

  beforeAll(async () => {
    world = await startWorld({
      runtime,
      llms: {
        openai: { options: { apiKey: 'key-openai' } },
        groq: { type: 'groq', options: { apiKey: 'key-groq' } },
        google: { type: 'google', options: { apiKey: 'key-google' } },
        ollama: { type: 'ollama', options: { apiKey: 'key-ollama' }, config: { context_length: 4000 } },
      },
      others: [
        {
          name: 'simulated',
          api_type: 'simulated',
          model: 'sim',
          context_length: 9000,
          simulated: { latency: '1ms', tokens_per_second: 5000 },
        },
      ],
      config: { clients: [{ name: 'sdk', api_key_name: 'SDK_KEY' }] },
      env: { SDK_KEY: KEY },
    })
    client = world.sdk({ apiKey: KEY })
  })
  afterAll(() => world?.close())

  test.each(KINDS)('gets a whole answer of %s', async (kind) => {
    const asked = client.chat.completions.create({ model: kind, messages: MESSAGES, max_tokens: 5 })
    const { data, response } = await asked.withResponse()
    expect(data).toMatchObject({ object: 'chat.completion', model: expect.any(String) })
    expect(data.choices).toHaveLength(1)
    expect(data.choices[0]?.finish_reason).toBe('length')
    expect(data.choices[0]?.message.content).toMatch(/^Réponse [0-9a-f]{8} ✓ 😀 mot4$/)
    const { prompt_tokens, completion_tokens, total_tokens } = data.usage!
    expect(prompt_tokens).toBeGreaterThan(5)
    expect([completion_tokens, total_tokens]).toEqual([5, prompt_tokens + 5])
    expect(response.headers.get('x-llb-llm')).toBe(kind)
    expect(response.headers.get('x-llb-attempts')).toBe('1')
    expect(response.headers.get('x-llb-cost-usd')).toBe('0')
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    const seen = world.fakes[kind].requests.at(-1)!
    const [header, key] = ASKED[kind].key
    expect(seen.path).toBe(ASKED[kind].whole)
    expect(seen.headers[header]).toBe(key)
    expect(JSON.stringify(seen.headers)).not.toContain(KEY)
  })

  test.each(KINDS)('gets a stream of %s, with usage when asked', async (kind) => {
    const body = { model: kind, messages: MESSAGES, max_tokens: 6, stream: true as const }
    const texts: string[] = []
    for (const include_usage of [true, false]) {
      const stream = await client.chat.completions.create({ ...body, stream_options: { include_usage } })
      const chunks = []
      for await (const chunk of stream) chunks.push(chunk)
      texts.push(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''))
      expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean)).toEqual(['length'])
      const usages = chunks.map((chunk) => chunk.usage).filter((usage) => usage != null)
      expect(usages.map((usage) => usage.completion_tokens)).toEqual(include_usage ? [6] : [])
      expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    }
    expect(texts[0]).toMatch(/^Réponse [0-9a-f]{8} ✓ 😀 mot4 mot5$/)
    expect(texts[1]).toBe(texts[0])
    expect(world.fakes[kind].requests.at(-1)?.path).toBe(ASKED[kind].stream)
  })

  test.each(KINDS)('has tools called by %s and gives the result back', async (kind) => {
    const whole = await client.chat.completions.create({ model: kind, messages: MESSAGES, tools: TOOLS })
    const { message, finish_reason } = whole.choices[0]!
    expect(finish_reason).toBe('tool_calls')
    const call = message.tool_calls?.[0]
    if (call?.type !== 'function') throw new Error('no function was called')
    expect(call.function.name).toBe('look_up')
    expect(JSON.parse(call.function.arguments)).toEqual({ digest: expect.stringMatching(/^[0-9a-f]{8}$/) })

    const streamed = await client.chat.completions
      .stream({ model: kind, messages: MESSAGES, tools: TOOLS })
      .finalChatCompletion()
    expect(streamed.choices[0]?.finish_reason).toBe('tool_calls')
    const again = streamed.choices[0]?.message.tool_calls?.[0]
    expect(again?.type === 'function' && again.function).toMatchObject({
      name: 'look_up',
      arguments: call.function.arguments,
    })

    const result = { role: 'tool' as const, tool_call_id: call.id, content: '{"found": true}' }
    const after = await client.chat.completions.create({
      model: kind,
      messages: [...MESSAGES, message, result],
      tools: TOOLS,
    })
    expect(after.choices[0]?.message.content).toContain('Réponse')
  })

  test('gets a simulated answer that says so', async () => {
    const whole = client.chat.completions.create({ model: 'simulated', messages: MESSAGES })
    const { data, response } = await whole.withResponse()
    expect(data.choices[0]?.message.content).toContain('simulated')
    expect(response.headers.get('x-llb-llm')).toBe('simulated')
    expect(data.usage?.completion_tokens).toBeGreaterThan(0)
    const stream = client.chat.completions.stream({ model: 'simulated', messages: MESSAGES })
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toContain('simulated')
  })

  test('lists the models and finds each of them', async () => {
    const ids: string[] = []
    for await (const model of client.models.list()) ids.push(model.id)
    expect(ids).toEqual(expect.arrayContaining(['auto', ...KINDS, 'openai-model', 'simulated', 'sim']))
    expect((await client.models.retrieve('groq-model')).id).toBe('groq-model')
    await expect(client.models.retrieve('nobody')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
  })

  test('stops the provider when it aborts in mid-stream', async () => {
    const fake = world.fakes.openai
    fake.fail({ kind: 'hang', afterChunks: 3 })
    const before = fake.requests.length
    const stream = await client.chat.completions.create({ model: 'openai', messages: MESSAGES, stream: true })
    for await (const chunk of stream) {
      expect(chunk.object).toBe('chat.completion.chunk')
      stream.controller.abort()
    }
    const seen = await fake.arrived(before + 1)
    expect(await seen.ended).toBe('aborted')
  })

  test('knows each refusal by its class and does not repeat what cannot get better', async () => {
    const calls = () => KINDS.reduce((sum, kind) => sum + world.fakes[kind].requests.length, 0)
    const before = calls()
    const stranger = world.sdk({ apiKey: 'wrong' }).chat.completions
    await expect(stranger.create({ model: 'openai', messages: MESSAGES })).rejects.toMatchObject({
      status: 401,
      code: 'invalid_api_key',
      constructor: OpenAI.AuthenticationError,
    })
    await expect(client.chat.completions.create({ model: 'x', messages: MESSAGES })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      constructor: OpenAI.NotFoundError,
    })
    const long = client.chat.completions.create({
      model: 'ollama',
      messages: [{ role: 'user', content: 'word '.repeat(9000) }],
    })
    await expect(long).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      constructor: OpenAI.BadRequestError,
    })
    expect(calls()).toBe(before)
  })

  test('makes one upstream call for a request that fails for good, whatever the SDK would retry', async () => {
    const fake = world.fakes.groq
    const before = fake.requests.length
    fake.fail({ kind: 'answer', status: 500 })
    const failing = client.chat.completions.create({ model: 'groq', messages: MESSAGES })
    await expect(failing).rejects.toMatchObject({ status: 502, code: 'upstream_failed' })
    const refused = { error: { message: 'no such parameter', type: 'invalid_request_error', code: null } }
    fake.fail({ kind: 'answer', status: 400, body: refused })
    const rejected = client.chat.completions.create({ model: 'groq', messages: MESSAGES })
    await expect(rejected).rejects.toMatchObject({ status: 400, constructor: OpenAI.BadRequestError })
    expect(fake.requests.length).toBe(before + 2)
  })

  test('leaves every request with one end in the log', async () => {
    await until(() => world.log().some(({ type }) => type === 'request.abandoned'), 'the abort is logged')
    const requests = world.log().filter(({ type }) => type === 'request.received')
    for (const { request } of requests) {
      const ends = world
        .story(request)
        .filter(({ type }) => /^request\.(completed|failed|rejected|expired|abandoned)$/.test(type))
      expect(ends).toHaveLength(1)
    }
    expect(await (await fetch(`${world.server.url}/ready`)).json()).toMatchObject({ status: 'ready' })
  })

  test('is asked for a key at the chat and the models, not at the health check', async () => {
    expect((await world.ask(say('openai', 'x'))).status).toBe(401)
    expect((await fetch(`${world.server.url}/v1/models`)).status).toBe(401)
    expect((await fetch(`${world.server.url}/health`)).status).toBe(200)
  })
})
