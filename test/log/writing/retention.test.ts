import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Retention, retain } from '../../../src/log/writing/retention.ts'
import { START } from '../../support/virtual-clock.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const HOUR = 3_600_000

/** A log of commits of 1000 bytes, one each minute until now, with a checkpoint at each hour. */
async function retained(hours: number, { keepMs, memoryMs, maxBytes }: Omit<Bounds, 'hours'>) {
  const minutes = Array.from({ length: hours * 60 }, (_, i) => START + i * 60_000)
  const now = START + hours * HOUR
  const slices: number[] = []
  const told: string[] = []
  const stop = retain({
    keepMs,
    memoryMs,
    maxBytes,
    now: () => now,
    tooSmall: (message) => void told.push(message),
    store: {
      usedBytes: () => minutes.length * 1000,
      prune(before, most) {
        const checkpoint = START + Math.floor((before - START - 1) / HOUR) * HOUR
        const old = minutes.filter((at) => at < checkpoint).length
        slices.push(minutes.splice(0, Math.min(old, most)).length)
        return slices.at(-1)!
      },
    },
  })
  await vi.advanceTimersByTimeAsync(10 * 60_000)
  stop()
  return { hours: (now - minutes[0]!) / HOUR, slices, told }
}

type Bounds = Pick<Retention, 'keepMs' | 'memoryMs' | 'maxBytes'> & { hours: number }
const PLENTY = 1e9

describe('of a log of 100 hours there remain', () => {
  test.each<[string, number, Omit<Bounds, 'hours'>]>([
    ['as many as it is kept for', 31, { keepMs: 30 * HOUR, memoryMs: HOUR, maxBytes: PLENTY }],
    ['what windows count, if that is more', 51, { keepMs: HOUR, memoryMs: 50 * HOUR, maxBytes: PLENTY }],
    ['all that fit, if those are fewer', 20, { keepMs: 90 * HOUR, memoryMs: HOUR, maxBytes: 1_200_000 }],
  ])('%s', async (_, hours, bounds) => {
    const left = await retained(100, bounds)
    expect(left.hours).toBeGreaterThan(hours - 9)
    expect(left.hours).toBeLessThanOrEqual(hours)
    expect(left.told).toEqual([])
    expect(Math.max(...left.slices)).toBeLessThanOrEqual(500)
  })

  test('what windows count where that does not fit, which is told once', async () => {
    const left = await retained(100, { keepMs: 90 * HOUR, memoryMs: 50 * HOUR, maxBytes: 10_000 })
    expect(left.hours).toBe(51)
    expect(left.told).toEqual([
      'The event log is larger than event_log.max_size: the limits still need what is in it. Raise event_log.max_size.',
    ])
  })
})
