import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseWait, retryAfter, WAIT_MS_MAX, waitInText } from '../../src/upstream/retry-after.ts'

const NOW = Date.UTC(2026, 8, 1, 12, 0, 0)

test.each([
  ['2', 2000],
  ['0.5', 500],
  ['0', 0],
  ['-5', 0],
  ['1e9', WAIT_MS_MAX],
  ['1e400', WAIT_MS_MAX],
  ['120ms', 120],
  ['1s', 1000],
  ['6m0s', 360_000],
  ['2m59.56s', 179_560],
  ['23h18m29.144s', 83_909_144],
  ['156h14m36s', 562_476_000],
  ['34.4s', 34_400],
  ['18.403470473s', 18_404],
  ['290.979975ms', 291],
  [String(NOW + 1500), 1500],
  [String(NOW / 1000 + 30), 30_000],
  [new Date(NOW + 9000).toUTCString(), 9000],
  [new Date(NOW + 9000).toISOString(), 9000],
  [new Date(NOW - 9000).toISOString(), 0],
  ['99999999s', WAIT_MS_MAX],
  ['', null],
  ['soon', null],
  ['garbage 1', null],
  ['1x', null],
  ['NaN', null],
  ['Infinity', null],
  ['5 minutes of rest', null],
])('a wait written as %j is %j ms', (text, wait) => {
  expect(parseWait(text, NOW)).toBe(wait)
})

test.each([
  ['Please try again in 41.724s.', 41_724],
  ['Please try again in 1m2.3s. Visit the docs.', 62_300],
  ['try again in 290ms', 290],
  ['Please retry in 34.074824224s.', 34_075],
  ['Please retry after 20 seconds', 20_000],
  ['Try again in 1 minute', 60_000],
  ['Try again in 2 hours and 5 minutes', 7_200_000],
  ['Try again in a while', null],
])('the text %j asks for %j ms', (text, wait) => {
  expect(waitInText(text)).toBe(wait)
})

test('milliseconds win over seconds, and garbage in them does not', () => {
  expect(retryAfter(new Headers({ 'retry-after-ms': '1500.2', 'retry-after': '9' }), NOW)).toBe(1501)
  expect(retryAfter(new Headers({ 'retry-after-ms': 'x', 'retry-after': '9' }), NOW)).toBe(9000)
  expect(retryAfter(new Headers(), NOW)).toBe(null)
})

test('any text gives a bounded whole number or null', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.bigInt().map(String)), (text) => {
      for (const wait of [parseWait(text, NOW), waitInText(`try again in ${text}`)]) {
        expect(wait === null || (Number.isInteger(wait) && wait >= 0 && wait <= WAIT_MS_MAX)).toBe(true)
      }
    }),
  )
})
