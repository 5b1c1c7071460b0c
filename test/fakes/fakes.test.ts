import { afterEach, describe, expect, test } from 'vitest'
import { startGoogle } from './google.ts'
import { startGroq } from './groq.ts'
import { startOllama } from './ollama.ts'
import { startOpenai, streamChunks, wholeText } from './openai.ts'
import type { Body, Fake, FakeOptions } from './server.ts'

const CHAT = '/v1/chat/completions'
const messages = [{ role: 'user', content: 'How are you?' }]
const tools = [{ type: 'function', function: { name: 'look_up', parameters: {} } }]

const started: Fake[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((fake) => fake.close()))
})

describe('the fake OpenAI', () => {
  test('answers the same request with the same bytes, whole and streamed', async () => {
    const fake = await start(startOpenai)
    const body = { model: 'm', messages }
    expect(await (await post(fake, CHAT, body)).text()).toBe(wholeText(body))
    expect(await (await post(fake, CHAT, body)).text()).toBe(wholeText(body))
    const streamed = { ...body, stream: true, stream_options: { include_usage: true } }
    expect(await (await post(fake, CHAT, streamed)).text()).toBe(streamChunks(streamed).join(''))
    expect(wholeText({ model: 'm', messages: [{ role: 'user', content: 'else' }] })).not.toBe(wholeText(body))
  })

  test('reports usage in a stream only when asked, in a chunk without choices', () => {
    const chunks = streamChunks({ model: 'm', messages, stream: true })
    expect(chunks.join('')).not.toContain('usage')
    const asked = streamChunks({ model: 'm', messages, stream_options: { include_usage: true } })
    expect(event(asked.at(-2)!)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 4, completion_tokens: 8 },
    })
    expect(event(asked[0]!)).toHaveProperty('usage', null)
  })

  test('calls the first tool, in fragments when streamed', () => {
    const deltas = streamChunks({ model: 'm', messages, tools }).slice(0, -1).map(event)
    const calls = deltas.flatMap(({ choices }) => choices[0].delta.tool_calls ?? [])
    const text = calls.map((call: Body) => call.function.arguments).join('')
    expect(calls.length).toBe(3)
    const whole = JSON.parse(wholeText({ model: 'm', messages, tools })).choices[0]
    expect(whole.message.tool_calls[0].function).toEqual({ name: 'look_up', arguments: text })
    expect(whole.finish_reason).toBe('tool_calls')
  })

  test('keeps to the length bound', () => {
    const { choices, usage } = JSON.parse(wholeText({ model: 'm', messages, max_tokens: 3 }))
    expect(choices[0].finish_reason).toBe('length')
    expect(usage.completion_tokens).toBe(3)
  })

  test('writes down what it saw', async () => {
    const fake = await start(startOpenai)
    const answer = post(fake, CHAT, { model: 'm', messages }, { authorization: 'Bearer k' })
    const seen = await fake.arrived(1)
    expect(seen).toMatchObject({ method: 'POST', path: CHAT, body: { model: 'm' }, abortedAt: null })
    expect(seen.headers.authorization).toBe('Bearer k')
    await (await answer).text()
    expect(await seen.ended).toBe('finished')
  })

  test('notices a client that leaves', async () => {
    const fake = await start(startOpenai)
    fake.fail({ kind: 'hang', afterChunks: null })
    const abort = new AbortController()
    const answer = post(fake, CHAT, { model: 'm', messages }, {}, abort.signal)
    const seen = await fake.arrived(1)
    abort.abort()
    await expect(answer).rejects.toThrow()
    expect(await seen.ended).toBe('aborted')
    expect(seen.abortedAt).toBeGreaterThanOrEqual(seen.at)
    expect(fake.limiter.active).toBe(0)
  })

  test('drips an answer byte by byte without changing it', async () => {
    const fake = await start(startOpenai, { dripBytes: 7 })
    const body = { model: 'm', messages, stream: true }
    expect(await (await post(fake, CHAT, body)).text()).toBe(streamChunks(body).join(''))
  })

  test('plays a fault once, or as often as asked', async () => {
    const fake = await start(startOpenai)
    const body = { model: 'm', messages, stream: true }
    fake.fail({ kind: 'answer', status: 500, body: { error: { message: 'no' } } }, 2)
    fake.fail({ kind: 'answer', status: 502, body: '<html>', headers: { 'x-from': 'proxy' } })
    fake.fail({ kind: 'reset', afterChunks: null })
    fake.fail({ kind: 'reset', afterChunks: 2 })
    fake.fail({ kind: 'end', afterChunks: 2 })
    expect((await post(fake, CHAT, body)).status).toBe(500)
    expect(await (await post(fake, CHAT, body)).json()).toEqual({ error: { message: 'no' } })
    expect((await post(fake, CHAT, body)).headers.get('x-from')).toBe('proxy')
    await expect(post(fake, CHAT, body)).rejects.toThrow()
    await expect(post(fake, CHAT, body).then((cut) => cut.text())).rejects.toThrow()
    expect(await (await post(fake, CHAT, body)).text()).toBe(streamChunks(body).slice(0, 2).join(''))
    expect(await (await post(fake, CHAT, body)).text()).toBe(streamChunks(body).join(''))
  })

  test('refuses over its limit as OpenAI does, counts it, and reports what is left', async () => {
    const limits = { limits: [{ unit: 'requests', amount: 2, perMs: 60_000 } as const], now: () => 0 }
    const fake = await start(startOpenai, { limits, limitHeaders: true })
    const first = await post(fake, CHAT, { model: 'm', messages })
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    expect(first.headers.get('x-ratelimit-reset-requests')).toBe('1m0s')
    await post(fake, CHAT, { model: 'm', messages })
    const refused = await post(fake, CHAT, { model: 'm', messages })
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('60')
    expect((await refused.json()).error).toMatchObject({
      code: 'rate_limit_exceeded',
      message: expect.stringContaining(
        'requests per min (RPM): Limit 2, Used 2, Requested 1. Please try again in 1m0s.',
      ),
    })
    expect(fake.limiter.tripped).toBe(1)
  })

  test('gives a place back before the client has the last byte', async () => {
    const fake = await start(startOpenai, { limits: { limits: [{ unit: 'concurrency', amount: 1 }] } })
    for (let call = 0; call < 50; call++) await (await post(fake, CHAT, { model: 'm', messages })).text()
    expect(fake.limiter.tripped).toBe(0)
  })

  test.each([
    [401, { apiKey: 'k' }, CHAT, { model: 'm', messages }],
    [404, {}, '/v1/else', { model: 'm', messages }],
    [400, {}, CHAT, { model: 'm' }],
    [400, { contextLength: 5 }, CHAT, { model: 'm', messages }],
  ])('answers %i to what is not in order: %o', async (status, options, path, body) => {
    const fake = await start(startOpenai, options)
    const answer = await post(fake, path, body)
    expect(answer.status).toBe(status)
    expect((await answer.json()).error).toHaveProperty('message')
  })
})

describe('the fake Groq', () => {
  const path = '/openai/v1/chat/completions'

  test('sends usage within the last choice, unasked', async () => {
    const fake = await start(startGroq)
    const text = await (await post(fake, path, { model: 'm', messages, stream: true })).text()
    const events = text.split('\n\n').slice(0, -2).map(event)
    expect(events.at(-1)).toMatchObject({
      choices: [{ finish_reason: 'stop' }],
      x_groq: { usage: { completion_tokens: 8 } },
    })
  })

  test('means a day with its request headers and a minute with its token headers', async () => {
    const limits = [
      { unit: 'requests', amount: 30, perMs: 60_000 },
      { unit: 'requests', amount: 14_400, perMs: 86_400_000, window: 'bucket' },
      { unit: 'tokens', amount: 6000, perMs: 60_000, window: 'bucket' },
    ] as const
    const fake = await start(startGroq, { limits: { limits, now: () => 0 } })
    const { headers } = await post(fake, path, { model: 'm', messages })
    expect(headers.get('x-ratelimit-limit-requests')).toBe('14400')
    expect(headers.get('x-ratelimit-reset-requests')).toBe('6s')
    expect(headers.get('x-ratelimit-limit-tokens')).toBe('6000')
    expect(headers.get('x-ratelimit-remaining-tokens')).toBe('5988')
    expect((await post(fake, path, { model: 'm', messages, max_tokens: 6000 })).status).toBe(413)
  })

  test('refuses fields that Groq does not know', async () => {
    const fake = await start(startGroq)
    expect((await post(fake, path, { model: 'm', messages, logprobs: true })).status).toBe(400)
    expect((await post(fake, path, { model: 'm', messages, n: 2 })).status).toBe(400)
  })
})

describe('the fake Google', () => {
  const whole = '/v1beta/models/gemini-x:generateContent'
  const contents = [{ role: 'user', parts: [{ text: 'How are you?' }] }]

  test('streams events that end with CRLF, cumulative usage and no end mark', async () => {
    const fake = await start(startGoogle)
    const path = '/v1beta/models/gemini-x:streamGenerateContent?alt=sse'
    const text = await (await post(fake, path, { contents })).text()
    const events = text.split('\r\n\r\n').slice(0, -1).map(event)
    const usage = events.map(({ usageMetadata }) => usageMetadata.candidatesTokenCount)
    expect(usage).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8])
    expect(events.at(-1).candidates[0]).toMatchObject({ finishReason: 'STOP' })
    const answer = await (await post(fake, whole, { contents })).json()
    const words = events.map(({ candidates }) => candidates[0].content.parts[0].text).join('')
    expect(answer.candidates[0].content.parts[0].text).toBe(words)
  })

  test('calls a function, and not again once it has the result', async () => {
    const fake = await start(startGoogle)
    const body = { contents, tools: [{ functionDeclarations: [{ name: 'look_up' }] }] }
    const call = (await (await post(fake, whole, body)).json()).candidates[0].content
    expect(call.parts[0]).toMatchObject({
      functionCall: { name: 'look_up' },
      thoughtSignature: expect.any(String),
    })
    const result = { role: 'user', parts: [{ functionResponse: { name: 'look_up', response: {} } }] }
    const next = await (await post(fake, whole, { ...body, contents: [...contents, call, result] })).json()
    expect(next.candidates[0].content.parts[0]).toHaveProperty('text')
  })

  test('names the quota it refuses for', async () => {
    const limits = { limits: [{ unit: 'requests', amount: 1, perMs: 86_400_000 } as const], now: () => 0 }
    const fake = await start(startGoogle, { limits })
    await post(fake, whole, { contents })
    const { error } = await (await post(fake, whole, { contents })).json()
    expect(error).toMatchObject({ code: 429, status: 'RESOURCE_EXHAUSTED' })
    expect(error.details[0].violations[0]).toMatchObject({
      quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier',
      quotaValue: '1',
    })
  })

  test('is strict about fields and keys', async () => {
    const fake = await start(startGoogle, { apiKey: 'k' })
    const key = { 'x-goog-api-key': 'k' }
    const unknown = await (await post(fake, whole, { contents, model: 'm' }, key)).json()
    expect(unknown.error.message).toContain('Unknown name "model"')
    const keyless = await post(fake, whole, { contents })
    expect(keyless.status).toBe(400)
    expect((await keyless.json()).error.details[0].reason).toBe('API_KEY_INVALID')
  })
})

describe('the fake Ollama', () => {
  test('streams lines unless told not to, with counters in the last', async () => {
    const fake = await start(startOllama)
    const text = await (await post(fake, '/api/chat', { model: 'm', messages })).text()
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.at(-1)).toMatchObject({ done: true, done_reason: 'stop', eval_count: 8 })
    expect(lines.slice(0, -1).every(({ done }) => !done)).toBe(true)
    const whole = await (await post(fake, '/api/chat', { model: 'm', messages, stream: false })).json()
    expect(whole.message.content).toBe(lines.map(({ message }) => message.content).join(''))
  })

  test('hands tool arguments over as an object', async () => {
    const fake = await start(startOllama)
    const body = { model: 'm', messages, tools, stream: false }
    const { message } = await (await post(fake, '/api/chat', body)).json()
    expect(message.tool_calls[0].function.arguments).toEqual({ digest: expect.any(String) })
  })

  test('is busy beyond its concurrency', async () => {
    const fake = await start(startOllama, { limits: { limits: [{ unit: 'concurrency', amount: 1 }] } })
    fake.fail({ kind: 'hang', afterChunks: 1 })
    await post(fake, '/api/chat', { model: 'm', messages })
    const refused = await post(fake, '/api/chat', { model: 'm', messages })
    expect(refused.status).toBe(503)
  })
})

async function start(
  open: (options: FakeOptions) => Promise<Fake>,
  options: FakeOptions = {},
): Promise<Fake> {
  const fake = await open(options)
  started.push(fake)
  return fake
}

function post(
  fake: Fake,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(fake.url + path, { method: 'POST', body: JSON.stringify(body), headers, signal })
}

function event(text: string) {
  return JSON.parse(text.trim().replace('data: ', ''))
}
