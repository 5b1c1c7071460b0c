import { describe, expect, test } from 'vitest'
import { isCapacity, isRetryable, mayHaveBooked, mayHaveCounted, reactionTo } from '../../src/core/cooling.ts'
import { FAILURE_CLASSES, type FailureClass } from '../../src/core/events.ts'
import { failureOf, STATUS_OF } from '../support/world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** The pause in ms after a failure; 0 for none, null for being switched off. */
function pauseAfter(failure: FailureClass, streak = 0, rest: Parameters<typeof failureOf>[1] = {}) {
  const reaction = reactionTo(failureOf(failure, rest), streak)
  if (reaction.kind === 'disable') return null
  return reaction.kind === 'none' ? 0 : reaction.ms
}

/** First, second, third, fourth and fifth failure in a row. */
const ladderOf = (failure: FailureClass) => [0, 1, 2, 3, 4].map((streak) => pauseAfter(failure, streak))

describe('the pause after a failure', () => {
  test.each<[FailureClass, (number | null)[]]>([
    ['rate_limited', [2000, 5000, 15_000, 60_000, 60_000]],
    ['overloaded', [2000, 5000, 15_000, 60_000, 60_000]],
    ['unreachable', [2000, 5000, 15_000, 60_000, 60_000]],
    ['timeout', [0, 0, 15_000, 60_000, 60_000]],
    ['interrupted', [0, 0, 15_000, 60_000, 60_000]],
    ['server_error', [0, 0, 15_000, 60_000, 60_000]],
    ['invalid_answer', [0, 0, 15_000, 60_000, 60_000]],
    ['quota_exhausted', [HOUR_MS, HOUR_MS, HOUR_MS, HOUR_MS, HOUR_MS]],
    ['not_found', [300_000, 300_000, 300_000, 300_000, 300_000]],
    ['unauthorized', [null, null, null, null, null]],
    ['too_large', [0, 0, 0, 0, 0]],
    ['bad_request', [0, 0, 0, 0, 0]],
    ['internal', [0, 0, 0, 0, 0]],
  ])('%s: %o', (failure, pauses) => expect(ladderOf(failure)).toEqual(pauses))

  test('is the one that the provider names, however long, but never an instant', () => {
    for (const failure of ['rate_limited', 'overloaded', 'server_error', 'quota_exhausted'] as const) {
      expect(pauseAfter(failure, 0, { retry_after_ms: 45_000 })).toBe(45_000)
      expect(pauseAfter(failure, 9, { retry_after_ms: 1000 })).toBe(1000)
      expect(pauseAfter(failure, 0, { retry_after_ms: 2 * DAY_MS })).toBe(2 * DAY_MS)
      expect(pauseAfter(failure, 0, { retry_after_ms: 0 })).toBe(500)
    }
  })

  test('is an hour where a daily limit is met and no time is named', () => {
    expect(pauseAfter('rate_limited', 0, { limit: { unit: 'requests', per_ms: DAY_MS } })).toBe(HOUR_MS)
    expect(pauseAfter('rate_limited', 0, { limit: { unit: 'requests', per_ms: 60_000 } })).toBe(2000)
    expect(pauseAfter('rate_limited', 0, { limit: { unit: null, per_ms: null } })).toBe(2000)
  })
})

describe('of a failed call', () => {
  const those = (test: (failure: ReturnType<typeof failureOf>) => boolean) =>
    FAILURE_CLASSES.filter((name) => test(failureOf(name)))

  test('only one that was never reached is not counted', () => {
    expect(FAILURE_CLASSES.filter((name) => !mayHaveCounted(failureOf(name)))).toEqual(['unreachable'])
  })

  test('tokens may be booked unless it was turned away', () => {
    const turnedAway = FAILURE_CLASSES.filter(
      (name) => (STATUS_OF[name] ?? 0) >= 400 && STATUS_OF[name]! < 500,
    )
    const free = FAILURE_CLASSES.filter((name) => !mayHaveBooked(failureOf(name)))
    expect(free).toEqual(
      FAILURE_CLASSES.filter((name) => turnedAway.includes(name) || name === 'unreachable'),
    )
  })

  test('another attempt makes no sense for what is wrong with the request or with us', () => {
    expect(FAILURE_CLASSES.filter((name) => !isRetryable(failureOf(name)))).toEqual([
      'bad_request',
      'internal',
    ])
  })

  test('the same LLM may serve it later where it only lacked capacity or was not reached', () => {
    expect(those(isCapacity)).toEqual(['unreachable', 'rate_limited', 'quota_exhausted', 'overloaded'])
  })
})
