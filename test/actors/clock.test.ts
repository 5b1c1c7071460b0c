import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSystemClock, numberedClock } from '../../src/actors/clock.ts'
import { createVirtualClock, START } from '../support/virtual-clock.ts'

const DAY_MS = 86_400_000

describe("the machine's clock", () => {
  beforeEach(() => void vi.useFakeTimers({ now: START }))
  afterEach(() => void vi.useRealTimers())

  test('begins with the wall clock, in whole milliseconds, and not before the end of the log', () => {
    expect(createSystemClock().now()).toBe(START)
    expect(createSystemClock(START + 5000).now()).toBe(START + 5000)
    expect(createSystemClock(START - 5000).now()).toBe(START)
  })

  test('does not follow the wall clock when that is set', () => {
    const clock = createSystemClock()
    vi.setSystemTime(START - DAY_MS)
    expect(clock.now()).toBe(START)
    vi.advanceTimersByTime(10)
    expect(clock.now()).toBe(START + 10)
  })

  test('fires a timer at its time, also one that is too long for the runtime', () => {
    const clock = createSystemClock()
    const fired: number[] = []
    clock.setTimeout(() => fired.push(clock.now() - START), 60 * DAY_MS)
    clock.setTimeout(() => fired.push(clock.now() - START), 20)
    vi.advanceTimersByTime(60 * DAY_MS)
    expect(fired).toEqual([20, 60 * DAY_MS])
  })

  test('forgets a timer that was cleared, also after it was armed anew', () => {
    const clock = createSystemClock()
    const timer = clock.setTimeout(() => expect.unreachable(), 60 * DAY_MS)
    vi.advanceTimersByTime(40 * DAY_MS)
    clock.clearTimeout(timer)
    clock.clearTimeout(undefined)
    vi.advanceTimersByTime(40 * DAY_MS)
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('timers are numbered in the order in which they are armed, whatever the order in which they fire', () => {
  const fired: number[] = []
  const clock = createVirtualClock()
  const numbered = numberedClock(clock, (timer, run) => {
    fired.push(timer)
    run()
  })
  const ran: string[] = []
  numbered.setTimeout(() => ran.push('late'), 20)
  numbered.clearTimeout(numbered.setTimeout(() => ran.push('never'), 5))
  numbered.setTimeout(() => ran.push('early'), 10)
  clock.advance(30)
  expect(fired).toEqual([2, 0])
  expect(ran).toEqual(['early', 'late'])
})
