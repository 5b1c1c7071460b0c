import { expect, test } from 'vitest'
import { type Account, createAccount } from '../../../src/core/limits/account.ts'
import { createHours, noteHours } from '../../../src/core/limits/hours.ts'
import type { Event } from '../../../src/core/events.ts'
import { dayOf, profileOn } from '../../../src/core/limits/held-back.ts'
import { UNIFORM } from '../../../src/core/limits/pacing.ts'
import { event } from '../../support/events.ts'
import { arrival, limit, llm } from '../../support/llms.ts'
import { recover } from '../../support/recovered.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MIDNIGHT = 20_000 * DAY_MS
const inHour = (hour: number) => MIDNIGHT + hour * HOUR_MS
const perDay = limit('requests', 1000, DAY_MS)

/** The hours that a limit is paced by in an hour after that midnight. */
const profileIn = ({ ledgers: [ledger] }: Account, hour: number) =>
  profileOn(ledger!, dayOf(ledger!.limit, inHour(hour)))

function come(account: Account, hours: readonly number[]): boolean[] {
  const known = createHours()
  return hours.map((hour) => noteHours(known, [{ account }], inHour(hour)))
}

test('the first request of a day has limits paced by the hours in which requests came on whole days before', () => {
  const account = createAccount([perDay])
  expect(come(account, [5, 33, 33, 34, 57, 58])).toEqual([false, false, false, false, true, false])
  expect(profileIn(account, 57).slice(5, 11)).toEqual([1, 1, 1, 1, 100, 50])
})

test('the first day, of which the morning may be missing, tells nothing; of nothing nothing is told', () => {
  const account = createAccount([perDay])
  come(account, [9, 9, 10, 33])
  expect(profileIn(account, 33)).toEqual(UNIFORM)
  expect(profileIn(createAccount([perDay]), 33)).toEqual(UNIFORM)
})

test('a day that has begun already is paced to its end as it began', () => {
  const account = createAccount([{ ...perDay, window: 'fixed', phaseMs: inHour(18) % DAY_MS }])
  come(account, [9, 33, 57])
  expect(profileIn(account, 65)).toEqual(UNIFORM)
  expect(profileIn(account, 66)[9]).toBe(100)
  come(account, [9, 33, 57, 81])
  expect(profileIn(account, 66)[9]).toBe(100)
})

test('the latest days count most', () => {
  const account = createAccount([perDay])
  const days = Array.from({ length: 9 }, (_, day) => 24 * day + (day < 5 ? 8 : 16))
  come(account, [...days, 24 * 9])
  const profile = profileIn(account, 24 * 9)
  expect(profile[16]).toBe(100)
  expect(profile[8]).toBeLessThan(100)
})

const logOf = (hours: readonly number[]): Event[] =>
  hours.map((hour, i) => event(i + 1, 'request.received', arrival(), { at: inHour(hour), request: `r${i}` }))
const started = (hours: readonly number[], now: number) =>
  recover(logOf(hours), [llm('A', { limits: [perDay] })], () => null, inHour(now))

test('a start takes the pace from the log, and goes on counting where it ended', () => {
  const { llms, hours } = started([5, 33, 33, 34, 57], 58)
  expect(profileIn(llms[0]!.account, 58).slice(8, 11)).toEqual([1, 100, 50])
  noteHours(hours, llms, inHour(81))
  expect(profileIn(llms[0]!.account, 81).slice(8, 11)).toEqual([1, 100, 32])
})

test('a log that is read from the middle of a day on paces days that are alike as they are', () => {
  const everyHour = Array.from({ length: 48 }, (_, i) => 15 + i)
  const { llms } = started(everyHour, 63)
  expect(new Set(profileIn(llms[0]!.account, 63))).toEqual(new Set([100]))
})
