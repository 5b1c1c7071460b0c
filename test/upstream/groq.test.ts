import { expect, test } from 'vitest'
import { groq } from '../../src/upstream/groq.ts'
import { callOf, prepared, refusal } from './call.ts'

const classify = (status: number, error: object) =>
  groq.classify(status, new Headers(), JSON.stringify({ error }), 0)

test('fields that Groq refuses are left out', () => {
  const messages = [
    { role: 'user', content: 'Hi', name: 'ann' },
    { role: 'assistant', content: 'Yo' },
  ]
  const call = callOf({ messages, logprobs: true, top_logprobs: 2, logit_bias: { 1: 2 }, n: 1, seed: 3 })
  expect(prepared(groq, call).body).toEqual({
    model: 'provider-model',
    messages: [{ role: 'user', content: 'Hi' }, messages[1]],
    n: 1,
    seed: 3,
  })
  expect(call.body.messages[0]).toHaveProperty('name')
})

test('more than one choice is refused', () => {
  expect(refusal(groq, callOf({ n: 2 }))).toBe('bad_request: Groq gives one choice per request: n must be 1.')
})

test('a request above the limit per minute can never fit', () => {
  const message = 'Request too large for model m on tokens per minute (TPM): Limit 6000, Requested 9000'
  expect(classify(413, { message, type: 'tokens', code: 'rate_limit_exceeded' })).toMatchObject({
    class: 'too_large',
    limit: { unit: 'tokens', per_ms: 60_000 },
  })
})

test('broken JSON of the model is no fault of the client', () => {
  expect(classify(400, { message: 'm', code: 'json_validate_failed' }).class).toBe('invalid_answer')
  expect(classify(400, { message: 'm', failed_generation: '<x>' }).class).toBe('invalid_answer')
  expect(classify(400, { message: 'm', code: 'invalid' }).class).toBe('bad_request')
})

test('exhausted flex capacity and rate limits are told apart', () => {
  expect(classify(498, { message: 'm' }).class).toBe('overloaded')
  const message =
    'Rate limit reached on requests per minute (RPM): Limit 30, Used 30, Requested 1. Please try again in 2s.'
  expect(classify(429, { message, type: 'requests', code: 'rate_limit_exceeded' })).toEqual({
    class: 'rate_limited',
    status: 429,
    message,
    retry_after_ms: 2000,
    limit: { unit: 'requests', per_ms: 60_000 },
  })
})

test('requests are counted per day and tokens per minute', () => {
  const headers = new Headers({ 'x-ratelimit-limit-requests': '14400', 'x-ratelimit-limit-tokens': '6000' })
  expect(groq.limits(headers, 0).map(({ unit, per_ms }) => [unit, per_ms])).toEqual([
    ['requests', 86_400_000],
    ['tokens', 60_000],
  ])
})
