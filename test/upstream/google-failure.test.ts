import fc from 'fast-check'
import { expect, test } from 'vitest'
import { classifyGoogle, nextPacificMidnight } from '../../src/upstream/google-failure.ts'

const NOW = Date.UTC(2026, 6, 1, 12)
const HOUR_MS = 3_600_000
const failure = (code: number, status: string, details: object[] = [], message = 'm') =>
  classifyGoogle(code, new Headers(), JSON.stringify({ error: { code, message, status, details } }), NOW)
const quota = (quotaId: string, quotaValue = '20') => [
  { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId, quotaValue }] },
  { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' },
]

test.each([
  [400, 'INVALID_ARGUMENT', 'bad_request'],
  [400, 'FAILED_PRECONDITION', 'unauthorized'],
  [403, 'PERMISSION_DENIED', 'unauthorized'],
  [404, 'NOT_FOUND', 'not_found'],
  [429, 'RESOURCE_EXHAUSTED', 'rate_limited'],
  [499, 'CANCELLED', 'interrupted'],
  [500, 'INTERNAL', 'server_error'],
  [503, 'UNAVAILABLE', 'overloaded'],
  [504, 'DEADLINE_EXCEEDED', 'timeout'],
])('%i %s is %s', (code, status, failureClass) => {
  expect(failure(code, status)).toMatchObject({ class: failureClass, status: code })
})

test('an invalid key hides behind status 400', () => {
  expect(failure(400, 'INVALID_ARGUMENT', [{ reason: 'API_KEY_INVALID' }]).class).toBe('unauthorized')
})

test('too many input tokens are too large', () => {
  const message = 'The input token count (9999) exceeds the maximum number of tokens allowed (8192).'
  expect(failure(400, 'INVALID_ARGUMENT', [], message).class).toBe('too_large')
})

test('a quota per minute is waited for as long as Google says', () => {
  expect(
    failure(429, 'RESOURCE_EXHAUSTED', quota('GenerateContentInputTokensPerModelPerMinute-FreeTier')),
  ).toMatchObject({
    retry_after_ms: 34_400,
    limit: { unit: 'input_tokens', per_ms: 60_000 },
  })
})

test('a quota per day lasts until midnight in California, whatever the delay', () => {
  expect(
    failure(429, 'RESOURCE_EXHAUSTED', quota('GenerateRequestsPerDayPerProjectPerModel-FreeTier')),
  ).toMatchObject({
    class: 'rate_limited',
    retry_after_ms: 19 * HOUR_MS,
    limit: { unit: 'requests', per_ms: 24 * HOUR_MS },
  })
})

test('a quota of zero is a model that is not offered', () => {
  expect(failure(429, 'RESOURCE_EXHAUSTED', quota('GenerateRequestsPerDay', '0')).class).toBe('not_found')
})

test.each([
  ['2026-07-01T06:59:59Z', '2026-07-01T07:00:00Z'],
  ['2026-07-01T07:00:00Z', '2026-07-02T07:00:00Z'],
  ['2026-01-01T12:00:00Z', '2026-01-02T08:00:00Z'],
  ['2026-03-08T08:30:00Z', '2026-03-09T07:00:00Z'],
  ['2026-11-01T07:30:00Z', '2026-11-02T08:00:00Z'],
  ['2026-10-31T23:00:00Z', '2026-11-01T07:00:00Z'],
])('after %s the next Pacific midnight is %s', (now, midnight) => {
  expect(new Date(nextPacificMidnight(Date.parse(now))).toISOString()).toBe(midnight.replace('Z', '.000Z'))
})

test('the next Pacific midnight is at most 25 hours away and always reads 00:00 there', () => {
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'America/Los_Angeles', timeStyle: 'medium' })
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(2020), max: Date.UTC(2040) }), (now) => {
      const midnight = nextPacificMidnight(now)
      expect(midnight - now).toBeGreaterThan(0)
      expect(midnight - now).toBeLessThanOrEqual(25 * HOUR_MS)
      expect(clock.format(midnight)).toBe('00:00:00')
    }),
  )
})
