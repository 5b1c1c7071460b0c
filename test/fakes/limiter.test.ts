import { expect, test } from 'vitest'
import { type Booking, createLimiter, type Limiter, type LimitSpec } from './limiter.ts'

test('a sliding log forgets each request exactly one window after it', () => {
  const { at, limiter } = limited({ unit: 'requests', amount: 2, perMs: 1000 })
  expect(enter(limiter)).toBeNull()
  at(400)
  expect(enter(limiter)).toBeNull()
  at(999)
  expect(enter(limiter)).toMatchObject({ used: 2, requested: 1, retryAfterMs: 1 })
  at(1000)
  expect(enter(limiter)).toBeNull()
  expect(enter(limiter)).toMatchObject({ retryAfterMs: 400 })
  expect(limiter.tripped).toBe(2)
  expect(limiter.peaks).toEqual([2])
})

test('a fixed window forgets everything at its boundary', () => {
  const limit: LimitSpec = { unit: 'requests', amount: 2, perMs: 1000, window: 'fixed', phaseMs: 300 }
  const { at, limiter } = limited(limit)
  at(1299)
  enter(limiter)
  enter(limiter)
  expect(enter(limiter)).toMatchObject({ retryAfterMs: 1 })
  at(1300)
  expect(enter(limiter)).toBeNull()
})

test('an anchored window begins with the first request, and the next with the first one after it', () => {
  const { at, limiter } = limited({ unit: 'requests', amount: 2, perMs: 1000, window: 'anchored' })
  at(700)
  expect(enter(limiter)).toBeNull()
  at(1600)
  expect(enter(limiter)).toBeNull()
  expect(enter(limiter)).toMatchObject({ used: 2, retryAfterMs: 100 })
  at(1900)
  expect(enter(limiter)).toBeNull()
  expect(limiter.status()).toMatchObject([{ remaining: 1, resetMs: 1000 }])
})

test('a counter weighs the last window by the share that still counts', () => {
  const { at, limiter } = limited({
    unit: 'requests',
    amount: 4,
    perMs: 1000,
    window: 'counter',
    phaseMs: 300,
  })
  at(1200)
  for (let call = 0; call < 4; call++) expect(enter(limiter)).toBeNull()
  at(1300)
  expect(enter(limiter)).toMatchObject({ used: 4, retryAfterMs: 250 })
  at(1550)
  expect(enter(limiter)).toBeNull()
  expect(enter(limiter)).toMatchObject({ used: 4, retryAfterMs: 250 })
})

test('a bucket refills continuously', () => {
  const { at, limiter } = limited({ unit: 'requests', amount: 10, perMs: 1000, window: 'bucket' })
  for (let call = 0; call < 10; call++) expect(enter(limiter)).toBeNull()
  expect(enter(limiter)).toMatchObject({ retryAfterMs: 100 })
  at(100)
  expect(enter(limiter)).toBeNull()
  expect(enter(limiter)).not.toBeNull()
  expect(limiter.status()).toMatchObject([{ remaining: 0, resetMs: 1000 }])
})

test('concurrency counts what is under way, and each end once', () => {
  const { limiter } = limited({ unit: 'concurrency', amount: 1 })
  const first = limiter.enter(1, 1)
  expect(enter(limiter)).toMatchObject({ retryAfterMs: null })
  if ('ticket' in first) {
    first.ticket.leave(1, 1)
    first.ticket.leave(1, 1)
  }
  expect(limiter.active).toBe(0)
  expect(enter(limiter)).toBeNull()
})

test.each<[Booking, number, number]>([
  ['start', 80, 80],
  ['start_then_settle', 80, 30],
  ['end', 0, 30],
])('tokens booked at %s are %i while running and %i after', (booking, running, after) => {
  const { limiter } = limited({ unit: 'tokens', amount: 100, perMs: 1000 }, booking)
  const entry = limiter.enter(20, 60)
  expect(limiter.status()[0]?.remaining).toBe(100 - running)
  if ('ticket' in entry) entry.ticket.leave(20, 10)
  expect(limiter.status()[0]?.remaining).toBe(100 - after)
})

test('a settled charge never leaves less than nothing when its window is over', () => {
  const { at, limiter } = limited({ unit: 'tokens', amount: 100, perMs: 1000 })
  const entry = limiter.enter(20, 60)
  at(500)
  if ('ticket' in entry) entry.ticket.leave(20, 10)
  at(1100)
  expect(limiter.status()[0]?.remaining).toBe(100)
})

test('a request larger than the whole limit has no time at which it would pass', () => {
  const { limiter } = limited({ unit: 'tokens', amount: 100, perMs: 1000 })
  expect(enter(limiter, 50, 51)).toMatchObject({ requested: 101, retryAfterMs: null })
})

test('refused requests count where the provider counts them', () => {
  const { limiter, at } = limited({ unit: 'requests', amount: 1, perMs: 1000 }, 'end', true)
  enter(limiter)
  at(600)
  enter(limiter)
  at(1000)
  expect(enter(limiter)).toMatchObject({ retryAfterMs: 600 })
})

function limited(limit: LimitSpec, booking?: Booking, countRefused?: boolean) {
  let nowMs = 0
  const limiter = createLimiter({ limits: [limit], booking, countRefused, now: () => nowMs })
  return { limiter, at: (ms: number) => (nowMs = ms) }
}

function enter(limiter: Limiter, input = 1, bound = 1) {
  const entry = limiter.enter(input, bound)
  return 'refusal' in entry ? entry.refusal : null
}
