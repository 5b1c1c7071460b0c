import { expect, test } from 'vitest'
import { adapterOf } from '../../src/upstream/adapters.ts'
import { openai } from '../../src/upstream/openai.ts'
import { bytes, callOf, prepared, refusal, streamCall } from './call.ts'

test('a request goes on with the model of the LLM and nothing else changed', () => {
  const body = { temperature: 0, x_new_field: { a: [1] } }
  const call = callOf(body)
  expect(prepared(openai, call)).toEqual({
    url: 'https://provider.test/v1/chat/completions',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'llm-load-balancer',
      authorization: 'Bearer secret',
    },
    body: { model: 'provider-model', messages: [{ role: 'user', content: 'Hi' }], ...body },
  })
  expect(call.body.model).toBe('auto')
})

test('numbers that would not survive parsing go on as they were written', () => {
  const text = '{"model":"auto","seed":12345678901234567890,"messages":[{"role":"user","content":"Hi"}]}'
  const sent = openai.prepare({ ...callOf(), text, body: JSON.parse(text) })
  expect(sent).toMatchObject({ ok: true, value: { body: text.replace('"auto"', '"provider-model"') } })
})

test('a model that is named twice is named once to the provider', () => {
  const text = '{"model":"dear","messages":[{"role":"user","content":"Hi"}],"model":"auto"}'
  const sent = openai.prepare({ ...callOf(), text, body: JSON.parse(text) })
  const body = '{"model":"provider-model","messages":[{"role":"user","content":"Hi"}]}'
  expect(sent).toMatchObject({ ok: true, value: { body } })
})

test('an LLM without a key gets no authorization, a base URL may end in a slash', () => {
  const call = { ...callOf({}, { baseUrl: 'http://localhost:1/v1/' }), apiKey: null }
  const request = prepared(openai, call)
  expect(request.url).toBe('http://localhost:1/v1/chat/completions')
  expect(request.headers).not.toHaveProperty('authorization')
})

test('a stream is asked for its usage, uncompressed, with the other options kept', () => {
  const call = streamCall({}, { stream_options: { include_usage: false, include_obfuscation: false } })
  const request = prepared(openai, call)
  expect(request.body).toMatchObject({
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
  })
  expect(request.headers).toMatchObject({ accept: 'text/event-stream', 'accept-encoding': 'identity' })
})

test('a request nested too deeply to be written is refused', () => {
  const deep = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)
  expect(refusal(openai, callOf({ metadata: deep }))).toMatch(
    /^(accepted|bad_request: The request is nested too deeply.)$/,
  )
})

const ANSWER = {
  id: 'c',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hé' } }],
  usage: { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4 } },
}

test('an answer is handed on as it came', () => {
  const whole = bytes(JSON.stringify(ANSWER))
  const answer = openai.answer(whole, callOf())
  expect(answer).toEqual({
    ok: true,
    value: {
      body: whole,
      usage: { input_tokens: 10, output_tokens: 5, cached_tokens: 4 },
      finishReason: 'stop',
    },
  })
  expect(answer.ok && answer.value.body).toBe(whole)
})

test('an answer without usage, or with an odd one, still is an answer', () => {
  const usageOf = (usage: unknown) => {
    const answer = openai.answer(bytes(JSON.stringify({ ...ANSWER, usage })), callOf())
    return answer.ok && answer.value.usage
  }
  expect(usageOf(undefined)).toBe(null)
  expect(usageOf('many')).toBe(null)
  expect(usageOf({ prompt_tokens: -1, completion_tokens: 'x' })).toEqual({
    input_tokens: 0,
    output_tokens: 0,
    cached_tokens: 0,
  })
})

test.each([
  ['<html>busy</html>', 'invalid_answer', 200],
  ['', 'invalid_answer', 200],
  ['{}', 'invalid_answer', 200],
  ['"text"', 'invalid_answer', 200],
  ['{"error":{"code":429,"message":"slow"}}', 'rate_limited', 429],
  ['{"error":{"type":"insufficient_quota","message":"no"}}', 'quota_exhausted', 200],
  ['{"error":"broken"}', 'server_error', 200],
  ['[{"error":{"status":"UNAVAILABLE","message":"busy"}}]', 'overloaded', 503],
])('%s with status 200 is %s', (body, failureClass, status) => {
  expect(openai.answer(bytes(body), callOf())).toMatchObject({
    ok: false,
    failure: { class: failureClass, status },
  })
})

test('a simulated LLM speaks as OpenAI does', () => {
  expect(adapterOf('simulated')).toBe(openai)
})
