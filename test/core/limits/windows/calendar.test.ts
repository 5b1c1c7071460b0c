import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLedger, nextAdmissible, reserve, roomOf } from '../../../../src/core/limits/ledger.ts'
import { MONTH_MS, nextStart } from '../../../../src/core/limits/windows/calendar.ts'
import { limit } from '../../../support/llms.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const at = (instant: string) => Date.parse(instant)
const iso = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z')

describe('a local day ends', () => {
  test.each([
    ['UTC', '2026-05-05T00:00:00Z', '2026-05-06T00:00:00Z'],
    ['UTC', '2026-05-05T23:59:59.999Z', '2026-05-06T00:00:00Z'],
    ['America/Los_Angeles', '2026-01-10T12:00:00Z', '2026-01-11T08:00:00Z'],
    ['America/Los_Angeles', '2026-07-10T12:00:00Z', '2026-07-11T07:00:00Z'],
    ['America/Los_Angeles', '2026-03-08T08:00:00Z', '2026-03-09T07:00:00Z'],
    ['America/Los_Angeles', '2026-11-01T07:00:00Z', '2026-11-02T08:00:00Z'],
    ['Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T13:00:00Z', '2026-04-05T13:30:00Z'],
    ['Asia/Kathmandu', '2026-04-04T13:00:00Z', '2026-04-04T18:15:00Z'],
  ])('in %s after %s at %s', (zone, now, end) => {
    expect(iso(nextStart(zone, DAY_MS, at(now)))).toBe(end)
  })

  test('when the clock jumps over midnight, with the jump', () => {
    expect(iso(nextStart('Africa/Cairo', DAY_MS, at('2026-04-23T12:00:00Z')))).toBe('2026-04-23T22:00:00Z')
    expect(iso(nextStart('Asia/Beirut', DAY_MS, at('2026-03-28T12:00:00Z')))).toBe('2026-03-28T22:00:00Z')
  })
})

test.each([
  ['UTC', '2026-02-10T00:00:00Z', '2026-03-01T00:00:00Z'],
  ['UTC', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00Z'],
  ['America/Los_Angeles', '2026-03-01T07:59:59Z', '2026-03-01T08:00:00Z'],
  ['America/Los_Angeles', '2026-03-01T08:00:00Z', '2026-04-01T07:00:00Z'],
  ['Europe/Berlin', '2026-10-01T00:00:00Z', '2026-10-31T23:00:00Z'],
])('a local month ends in %s after %s at %s', (zone, now, end) => {
  expect(iso(nextStart(zone, MONTH_MS, at(now)))).toBe(end)
})

test('the local date is the same until then, and another one from then on', () => {
  const zones = fc.constantFrom(
    'America/Los_Angeles',
    'Europe/London',
    'Pacific/Chatham',
    'America/Sao_Paulo',
  )
  const check = (zone: string, hours: number, ms: number) => {
    const now = at('2020-01-01T00:00:00Z') + hours * HOUR_MS + ms
    const date = (instant: number) => new Date(instant).toLocaleDateString('sv-SE', { timeZone: zone })
    const end = nextStart(zone, DAY_MS, now)
    expect(date(end - 1)).toBe(date(now))
    expect(date(end)).not.toBe(date(now))
  }
  fc.assert(fc.property(zones, fc.nat({ max: 8 * 8766 }), fc.nat({ max: HOUR_MS }), check))
})

test('what is sent within the guard of midnight counts before it and after', () => {
  const midnight = at('2026-07-11T07:00:00Z')
  const rest = { window: 'calendar', timeZone: 'America/Los_Angeles' } as const
  const ledger = createLedger(limit('requests', 3, DAY_MS, 'day', rest))
  reserve(ledger, 'noon', 1, midnight - 12 * HOUR_MS)
  reserve(ledger, 'before', 1, midnight - 501)
  expect(nextAdmissible(ledger, 2, midnight - 501)).toBe(midnight + 500)
  reserve(ledger, 'late', 1, midnight - 500)
  expect(roomOf(ledger, midnight + 499)).toBe(0)
  expect(roomOf(ledger, midnight + 500)).toBe(2)
  expect(nextAdmissible(ledger, 3, midnight + 500)).toBe(midnight + DAY_MS + 500)
})
