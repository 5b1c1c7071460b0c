import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FAILURE_CLASSES } from '../../src/core/events.ts'
import { adapterOf } from '../../src/upstream/adapters.ts'
import { classify } from '../../src/upstream/failure.ts'

const NOW = Date.UTC(2026, 8, 1)
const at = (status: number, body: unknown, headers = {}) =>
  classify(status, new Headers(headers), typeof body === 'string' ? body : JSON.stringify(body), NOW)
const openaiError = (fields: object) => ({
  error: { message: 'm', type: 't', param: null, code: null, ...fields },
})

test.each([
  [400, openaiError({ code: 'invalid_value' }), 'bad_request'],
  [400, openaiError({ code: 'context_length_exceeded' }), 'too_large'],
  [400, openaiError({ message: 'prompt is too long: 9 tokens > 8 maximum' }), 'too_large'],
  [400, openaiError({ message: "This model's maximum context length is 8192 tokens." }), 'too_large'],
  [400, openaiError({ code: 'blocked_api_access' }), 'quota_exhausted'],
  [400, openaiError({ message: 'You have reached your specified API usage limits.' }), 'quota_exhausted'],
  [
    400,
    [{ error: { code: 400, status: 'INVALID_ARGUMENT', details: [{ reason: 'API_KEY_INVALID' }] } }],
    'unauthorized',
  ],
  [401, openaiError({ code: 'invalid_api_key' }), 'unauthorized'],
  [402, {}, 'quota_exhausted'],
  [403, openaiError({ code: 'unsupported_country_region_territory' }), 'unauthorized'],
  [
    403,
    openaiError({ message: 'Your chosen model requires moderation and your input was flagged' }),
    'bad_request',
  ],
  [404, openaiError({ code: 'model_not_found' }), 'not_found'],
  [408, '', 'timeout'],
  [410, '', 'not_found'],
  [413, openaiError({ code: 'rate_limit_exceeded', type: 'tokens' }), 'too_large'],
  [422, { detail: [{ loc: ['body'], msg: 'extra inputs are not permitted' }] }, 'bad_request'],
  [429, openaiError({ code: 'rate_limit_exceeded' }), 'rate_limited'],
  [429, openaiError({ type: 'insufficient_quota', code: 'credit_balance_exhausted' }), 'quota_exhausted'],
  [429, openaiError({ code: 'insufficient_quota' }), 'quota_exhausted'],
  [429, openaiError({ code: 'project_spend_limit_exceeded' }), 'quota_exhausted'],
  [429, openaiError({ code: 'slow_down' }), 'overloaded'],
  [429, openaiError({ code: 'queue_exceeded' }), 'overloaded'],
  [429, openaiError({ code: 'request_quota_exceeded' }), 'rate_limited'],
  [429, { errors: [{ code: 3040, message: 'Capacity temporarily exceeded' }] }, 'overloaded'],
  [498, openaiError({ code: 'capacity_exceeded' }), 'overloaded'],
  [500, '<html><title>Oops</title></html>', 'server_error'],
  [502, '', 'server_error'],
  [503, { error: 'server busy, please try again.' }, 'overloaded'],
  [504, '', 'timeout'],
  [529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'overloaded'],
  [502, [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED' } }], 'rate_limited'],
  [302, '', 'invalid_answer'],
  [418, '', 'bad_request'],
])('status %i with %j is %s', (status, body, failureClass) => {
  expect(at(status, body)).toMatchObject({ class: failureClass, status })
})

test.each([
  ['Rate limit reached for m on tokens per min (TPM): Limit 3', 'tokens', 60_000],
  ['Rate limit reached for m on requests per day (RPD): Limit 3', 'requests', 86_400_000],
  ['on input tokens per minute', 'input_tokens', 60_000],
  ['exceeded your output tokens per minute', 'output_tokens', 60_000],
  ['over the RPM of your tier', 'requests', 60_000],
  ['ITPM reached', 'input_tokens', 60_000],
  ['Rate limit exceeded: free-models-per-day', null, 86_400_000],
])('the limit in %j is %s per %i ms', (message, unit, per_ms) => {
  expect(at(429, openaiError({ message, code: '429' })).limit).toEqual({ unit, per_ms })
})

test('a type of tokens or requests names the unit, a bare 429 names nothing', () => {
  expect(at(429, openaiError({ type: 'tokens' })).limit).toEqual({ unit: 'tokens', per_ms: null })
  expect(at(429, '').limit).toBe(null)
  expect(at(500, openaiError({ type: 'tokens' })).limit).toBe(null)
})

test('the wait comes from the headers, then the body, then the text', () => {
  const text = openaiError({ message: 'Please try again in 1m2.3s.' })
  expect(at(429, text, { 'retry-after': '7' }).retry_after_ms).toBe(7000)
  expect(at(429, text).retry_after_ms).toBe(62_300)
  expect(at(429, openaiError({ retry_after: 3 })).retry_after_ms).toBe(3000)
  const openrouter = {
    error: { code: 429, message: 'x', metadata: { headers: { 'X-RateLimit-Reset': String(NOW + 8000) } } },
  }
  expect(at(429, openrouter).retry_after_ms).toBe(8000)
  expect(at(429, '').retry_after_ms).toBe(null)
})

test.each([
  [openaiError({ message: 'plain' }), 'plain'],
  [{ error: 'text' }, 'text'],
  [{ message: 'top' }, 'top'],
  [{ detail: 'detail' }, 'detail'],
  [[{ error: { message: 'listed' } }], 'listed'],
  ['<html><head><title>502 Bad Gateway</title></head>', '502 Bad Gateway'],
  ['<html>', 'a page of HTML'],
  ['upstream died', 'upstream died'],
  ['', 'The provider answered with status 500 and no message.'],
  ['null', 'null'],
  [{ error: null }, 'The provider answered with status 500 and no message.'],
])('the message of %j is %j', (body, message) => {
  expect(at(500, body).message).toBe(message)
})

test('messages are shortened and hold nothing that looks like a key', () => {
  const keys = ['sk-proj-abc_DEF-123', 'gsk_abcDEF123', 'AIzaSyA-abcdef', 'Bearer abc.def']
  const message = `Incorrect API key provided: ${keys.join(', ')}. ${'x'.repeat(500)}`
  const shown = at(401, openaiError({ message })).message
  expect(shown).toMatch(/^Incorrect API key provided: \*\*\*, \*\*\*, \*\*\*, \*\*\*/)
  expect(shown).toHaveLength(300)
})

test('no status and no body make any adapter throw', () => {
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((json) => `{"error":${json}}`),
  )
  fc.assert(
    fc.property(
      fc.constantFrom('openai', 'groq', 'google', 'ollama'),
      fc.integer({ min: 300, max: 599 }),
      body,
      (type, status, text) => {
        const failure = adapterOf(type as 'openai').classify(status, new Headers(), text, NOW)
        expect(FAILURE_CLASSES).toContain(failure.class)
        expect(failure.message.length).toBeLessThanOrEqual(300)
      },
    ),
  )
})
