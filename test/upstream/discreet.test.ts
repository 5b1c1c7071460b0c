import { expect, test } from 'vitest'
import type { Failure } from '../../src/core/events.ts'
import { discreet, WITHHELD } from '../../src/upstream/discreet.ts'
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
