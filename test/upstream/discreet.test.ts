import { expect, test } from 'vitest'
import type { Failure } from '../../src/core/events.ts'
import { discreet, WITHHELD } from '../../src/upstream/discreet.ts'
import { failureWithin, interrupted, invalidAnswer } from '../../src/upstream/failure.ts'
import { callOf } from './call.ts'

const failure = (rest: Partial<Failure>): Failure => ({
  class: 'server_error',
  status: 500,
  message: 'something broke',
  retry_after_ms: null,
  limit: null,
  ...rest,
})

const secret = callOf({ messages: [{ role: 'user', content: 'The treasure lies under the old oak tree.' }] })

test('ordinary words of a provider are kept', () => {
  expect(discreet(failure({}), secret)).toEqual({ failure: failure({}), said: 'something broke' })
})

test('words that quote the request are for its client alone', () => {
  const message = 'Cannot tokenize "treasure lies under the old oak" here'
  const told = discreet(failure({ message }), secret)
  expect(told.failure.message).toBe(WITHHELD)
  expect(told.said).toBe(message)
})

test('what is said of the request itself is never kept', () => {
  const told = discreet(failure({ class: 'bad_request', status: 400, message: 'bad role "oak"' }), secret)
  expect(told.failure.message).toBe(WITHHELD)
})

test('our own words, where nothing was answered, are kept', () => {
  const own = failure({ class: 'bad_request', status: null, message: 'Ollama takes no https pictures' })
  expect(discreet(own, secret).failure).toEqual(own)
})

test('a key that a provider repeats is masked for everybody', () => {
  const told = discreet(failure({ message: 'key abcdefgh-12345 is wrong' }), {
    ...secret,
    apiKey: 'abcdefgh-12345',
  })
  expect(told.said).toBe('key *** is wrong')
  expect(told.failure.message).toBe('key *** is wrong')
})

const of = (content: unknown, rest: object = {}) => callOf({ messages: [{ role: 'user', content }], ...rest })
const kept = (message: string, call = secret) => discreet(failure({ message }), call).failure.message

test.each([
  ['Rate limit reached for model `m` on tokens per min (TPM): Limit 6000, Used 5900, Requested 200.'],
  ['You exceeded your current quota, please check your plan and billing details.'],
  ['The server had an error while processing your request. Sorry about that!'],
  ['upstream connect error or disconnect/reset before headers. reset reason: connection termination'],
])('what errors are made of is kept, although the request holds such words: %s', (message) => {
  const words = 'Which rate limit was reached? I exceeded the quota of requests: error 500 of that server.'
  expect(kept(message, of(words))).toBe(message)
})

test.each<[string, string, unknown, object?]>([
  ['one word of it', 'unknown word "oak"', 'under the oak'],
  ['in capitals', 'UNKNOWN WORD OAK', 'under the oak'],
  ['cut off', 'cannot tokenize "treas...', 'the treasure'],
  ['a long number', 'got 4711 instead', 'my number is 4711'],
  ['in another script', '无法处理 橡树', '宝藏在 橡树 下'],
  [
    'run into other letters',
    '无法处理宝藏在老橡树下面埋着请不要告诉任何人啊',
    '我说宝藏在老橡树下面埋着请不要告诉任何人啊啊啊啊',
  ],
  ['written as JSON', String.raw`bad text tr\u00e4ume`, 'Träume'],
  ['with its lines joined', 'bad: is my account balance low', 'Is my\naccount\n\nbalance low'],
  [
    'of a part',
    'bad url https://oaks.example/',
    [{ type: 'image_url', image_url: { url: 'https://oaks.example/' } }],
  ],
  [
    'of the name of a file',
    'cannot open treasure.pdf',
    [{ type: 'file', file: { filename: 'treasure.pdf' } }],
  ],
  [
    'of a tool',
    'no function dig_oaks',
    'hi',
    { tools: [{ type: 'function', function: { name: 'dig_oaks' } }] },
  ],
  [
    'of a schema',
    'no such property: shovel',
    'hi',
    { response_format: { json_schema: { schema: { shovel: 1 } } } },
  ],
  ['of its metadata', 'unknown user pirate', 'hi', { user: 'pirate' }],
])('a message is not kept that quotes of a request %s', (_, message, content, rest) => {
  expect(kept(message, of(content, rest))).toBe(WITHHELD)
  expect(kept(message, of('hello'))).toBe(message)
})

test('the arguments of a tool call are of the request, too', () => {
  const call = { function: { name: 'dig', arguments: JSON.stringify({ place: 'oak' }) } }
  const messages = [{ role: 'assistant', tool_calls: [call] }]
  expect(kept('cannot parse oak', callOf({ messages }))).toBe(WITHHELD)
})

test('the name of the LLM is no secret, even where the request holds it', () => {
  const call = of('Are you llama, versatile as you are?')
  const named = { ...call, spec: { ...call.spec, model: 'llama-3.3-70b-versatile' } }
  const message = 'The model `llama-3.3-70b-versatile` is overloaded'
  expect(kept(message, named)).toBe(message)
  expect(kept(message, call)).toBe(WITHHELD)
})

test('pictures are not searched', () => {
  const picture = { type: 'image_url', image_url: { url: `data:image/png;base64,${'gpqr'.repeat(500)}` } }
  expect(kept('worker gpqrgpqr is gone', of([picture]))).toBe('worker gpqrgpqr is gone')
})

test('once an answer has begun, no words of its provider are kept, and our own are', () => {
  const told = failure({ message: 'cannot go on after "a golden"' })
  expect(discreet(told, secret).failure.message).toBe(told.message)
  expect(discreet(told, secret, true).failure.message).toBe(WITHHELD)
  expect(discreet(interrupted(), secret, true).failure.message).toBe(
    'The stream ended before the answer did.',
  )
})

test('within an answer of status 200, words of a provider are not taken for ours', () => {
  const error = { error: { code: 'json_validate_failed', message: 'a golden' } }
  const told = discreet(failureWithin(error, 0), secret)
  expect(told.failure).toMatchObject({ class: 'invalid_answer', status: 200, message: WITHHELD })
  const own = invalidAnswer('The answer is not JSON.')
  expect(discreet(own, secret).failure.message).toBe('The answer is not JSON.')
})

test('what our own words take from the request is not kept either', () => {
  const own = failure({ status: null, class: 'bad_request', message: 'Ollama takes no content of type oak.' })
  expect(discreet(own, of([{ type: 'oak' }])).failure.message).toBe(WITHHELD)
})

test.each([
  'key abcdefgh-1...',
  'key "bcdefgh-12" is wrong',
  'no (abcdefgh-123), sorry',
  'token=abcdefgh-12345&x=1',
])('no piece of a key is told: %s', (message) => {
  const told = discreet(failure({ message }), { ...secret, apiKey: 'abcdefgh-12345' })
  expect(told.said).not.toMatch(/bcdefgh/)
  expect(told.said).toContain('***')
})

test('a request that is deep or wide is no trouble', () => {
  const deep = Array.from({ length: 20_000 }).reduce<unknown>((inner) => [inner], 'oak')
  expect(kept('no oak', of(deep))).toBe(WITHHELD)
  expect(kept('no oak', of(Array.from({ length: 300_000 }, () => 'x')))).toBe('no oak')
})
