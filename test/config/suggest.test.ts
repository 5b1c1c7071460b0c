import { expect, test } from 'vitest'
import { nearest, suggestion } from '../../src/config/suggest.ts'

const KEYS = ['rate_limit', 'requests_per_min', 'api_key_name', 'model', 'modes', 'name']

test.each([
  ['rate_limt', 'rate_limit'],
  ['rate-limit', 'rate_limit'],
  ['Rate_Limit', 'rate_limit'],
  ['requests_per_minute', 'requests_per_min'],
  ['modle', 'model'],
  ['api_key', 'api_key_name'],
])('%s probably means %s', (word, known) => {
  expect(nearest(word, KEYS)).toBe(known)
})

test.each(['', 'xyz', 'temperature', 'constructor'])('%j is close to nothing', (word) => {
  expect(nearest(word, KEYS)).toBeNull()
})

test('a suggestion continues a message, or is empty', () => {
  expect(suggestion('nmae', KEYS)).toBe('; did you mean "name"?')
  expect(suggestion('temperature', KEYS)).toBe('')
})
