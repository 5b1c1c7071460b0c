import { expect, test } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import { UNIFORM } from '../../src/core/pacing.ts'
import { recover } from '../../src/core/recover.ts'
import { event } from '../support/events.ts'
import { arrival, limit, llm } from '../support/llms.ts'

const HOUR_MS = 3_600_000
const MIDNIGHT = 20_000 * 24 * HOUR_MS
const specs = [llm('A', { limits: [limit('requests', 1000, 24 * HOUR_MS)] })]

/** Requests that came in these hours of a day. */
const logOf = (hours: readonly number[]): Event[] =>
  hours.map((hour, i) =>
    event(i + 1, 'request.received', arrival(), { at: MIDNIGHT + hour * HOUR_MS, request: `r${i}` }),
  )
const profileAt = (events: readonly Event[], hour: number) =>
  recover(events, specs, () => null, MIDNIGHT + hour * HOUR_MS).llms[0]!.account.ledgers[0]!.profile

test('limits are paced by the hours in which requests came, as the log tells at the start', () => {
  const profile = profileAt(logOf([9, 9, 10, 33]), 34)
  expect([profile[8], profile[9], profile[10]]).toEqual([1, 100, 33])
})

test('a log of less than a day, or none, paces evenly', () => {
  expect(profileAt(logOf([9, 9, 10]), 32)).toEqual(UNIFORM)
  expect(profileAt([], 32)).toEqual(UNIFORM)
})
