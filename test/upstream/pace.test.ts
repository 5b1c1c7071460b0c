import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { pace, paceStream } from '../../src/upstream/pace.ts'

let ends: (() => void)[] = []
const begin = (streams: number) => {
  for (let i = 0; i < streams; i++) ends.push(paceStream())
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  for (const end of ends) end()
  ends = []
  vi.useRealTimers()
})

test('few streams read on at once', () => {
  begin(16)
  const next = vi.fn()
  pace(next)
  expect(next).toHaveBeenCalledOnce()
})

test('many streams read on together, at the next tick', () => {
  begin(100)
  const [one, other] = [vi.fn(), vi.fn()]
  pace(one)
  vi.advanceTimersByTime(10)
  pace(other)
  vi.advanceTimersByTime(9)
  expect(one).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(one).toHaveBeenCalledOnce()
  expect(other).toHaveBeenCalledOnce()
})

test('however many streams there are, a tick comes within 40 ms', () => {
  begin(5000)
  const next = vi.fn()
  pace(next)
  vi.advanceTimersByTime(40)
  expect(next).toHaveBeenCalledOnce()
})

test('streams that ended count no more', () => {
  begin(100)
  for (const end of ends.splice(0, 90)) end()
  const next = vi.fn()
  pace(next)
  expect(next).toHaveBeenCalledOnce()
})
