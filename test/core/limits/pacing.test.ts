import { describe, expect, test } from 'vitest'
import { blockOf, createAccount, fits, reserveAll } from '../../../src/core/limits/account.ts'
import { earliestFor, leavesRoomFor } from '../../../src/core/limits/look-ahead.ts'
import { isPaced, profileOf, UNIFORM } from '../../../src/core/limits/pacing.ts'
import { limit } from '../../support/llms.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const MIDNIGHT = 20_000 * DAY_MS
const one = { inputTokens: 1, outputTokens: 0 }

describe('a limit is paced', () => {
  const day = (amount: number, rest = {}) => limit('requests', amount, DAY_MS, 'requests_per_day', rest)
  test('when it is of a day or longer, and large', () => {
    expect([day(799), day(800), limit('requests', 800, DAY_MS - 1)].map(isPaced)).toEqual([
      false,
      true,
      false,
    ])
  })
  test('or says so; a bucket never is', () => {
    expect(isPaced(day(8, { pace: true }))).toBe(true)
    expect(isPaced(day(8000, { pace: false }))).toBe(false)
    expect(isPaced(day(8000, { pace: true, window: 'bucket' }))).toBe(false)
  })
})

describe('a profile', () => {
  const counts = [50, 200, ...new Array<number>(22).fill(0)]
  test('gives an hour without demand a small share', () => {
    expect(profileOf(counts).slice(0, 3)).toEqual([25, 100, 1])
  })
  test('is uniform where nothing came', () => {
    expect(profileOf(counts.map(() => 0))).toEqual(UNIFORM)
  })
})

test('14,400 requests a day let a burst of an eighth pass, then say until when they are paced', () => {
  const account = createAccount([
    limit('requests', 14_400, DAY_MS, 'requests_per_day', { window: 'calendar', timeZone: 'UTC' }),
  ])
  const at = MIDNIGHT + 14 * HOUR_MS
  // Head start 1800; of the other 11160, 57 of 96 steps have begun at 14:00.
  const allowed = 1800 + Math.floor((11_160 * 57) / 96)
  for (let i = 0; i < allowed; i++) {
    expect(fits(account, one, at, 1)).toBe(true)
    reserveAll(account, `${i}`, one, at)
  }
  const until = at + HOUR_MS / 4
  expect(blockOf(account, one, at, 1)).toEqual({ limit: 'requests_per_day, paced until 14:15 UTC,', until })
  expect(earliestFor(account, { ...one, requests: 1 }, at, 0, 1)).toEqual({
    limit: 'requests_per_day, paced until 14:15 UTC,',
    at: until,
  })
  expect(leavesRoomFor(account, one, at, one, until, 0, 1)).toBe(true)
  expect(leavesRoomFor(account, one, at, one, until - 1, 0, 1)).toBe(false)
  expect(fits(account, one, at, 0)).toBe(true)
})

test('of a quota of one a day, the others may have it too, one each day', () => {
  const account = createAccount([limit('requests', 1, DAY_MS, 'requests_per_day', { pace: true })])
  const three = { requests: 3, inputTokens: 3, outputTokens: 0 }
  expect(fits(account, one, MIDNIGHT, 2)).toBe(true)
  expect(earliestFor(account, three, MIDNIGHT, 0, 2).at).toBeLessThan(MIDNIGHT + 5 * DAY_MS)
})
