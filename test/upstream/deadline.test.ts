import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Deadline } from '../../src/upstream/deadline.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function started(ms: number) {
  const controller = new AbortController()
  const deadline = new Deadline(controller)
  deadline.restart(ms, 'no answer')
  return { deadline, controller }
}

describe('the deadline of an attempt', () => {
  test('aborts it at most a quarter of a second late, and says what was missing', () => {
    const { deadline, controller } = started(1000)
    vi.advanceTimersByTime(999)
    expect(controller.signal.aborted).toBe(false)
    expect(deadline.failure()).toBeNull()
    vi.advanceTimersByTime(251)
    expect(controller.signal.aborted).toBe(true)
    expect(deadline.failure()).toMatchObject({ class: 'timeout', message: 'no answer within 1000 ms' })
  })

  test('counts anew from a restart', () => {
    const { deadline, controller } = started(1000)
    vi.advanceTimersByTime(900)
    deadline.restart(2000, 'no first token')
    vi.advanceTimersByTime(1999)
    expect(controller.signal.aborted).toBe(false)
    vi.advanceTimersByTime(251)
    expect(deadline.failure()?.message).toBe('no first token within 2000 ms')
  })

  test('strikes each of many on its own, whichever were stopped', () => {
    const all = Array.from({ length: 50 }, (_, i) => started(1000 + 10 * i))
    for (const [i, { deadline }] of all.entries()) if (i % 3 !== 0) deadline.stop()
    all[1]!.deadline.stop()
    all[2]!.deadline.restart(10_000, 'no answer')
    vi.advanceTimersByTime(2000)
    const struck = all.flatMap(({ controller }, i) => (controller.signal.aborted ? [i] : []))
    expect(struck).toEqual(all.flatMap((_, i) => (i % 3 === 0 ? [i] : [])))
    vi.advanceTimersByTime(9000)
    expect(all[2]!.controller.signal.aborted).toBe(true)
  })

  test('leaves no timer behind', () => {
    const { deadline } = started(1000)
    deadline.stop()
    vi.advanceTimersByTime(250)
    expect(vi.getTimerCount()).toBe(0)
  })
})
