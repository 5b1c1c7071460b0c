import { describe, expect, test } from 'vitest'
import {
  amountOf,
  blockOf,
  correct,
  createAccount,
  fits,
  reserveAll,
  settleAll,
  tooSmall,
} from '../../../src/core/limits/account.ts'
import type { LimitReport } from '../../../src/core/events.ts'
import { applyLesson } from '../../../src/core/limits/learning/learned.ts'
import { used } from '../../../src/core/limits/ledger.ts'
import { earliestFor } from '../../../src/core/limits/look-ahead.ts'
import { UNITS } from '../../../src/core/types.ts'
import { limit } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'

const cost = (inputTokens: number, outputTokens = 0) => ({ inputTokens, outputTokens })

test('a call takes of each unit what the unit counts', () => {
  const taken = UNITS.map((unit) => [unit, amountOf(unit, cost(7, 3))])
  expect(Object.fromEntries(taken)).toEqual({
    requests: 1,
    tokens: 10,
    input_tokens: 7,
    output_tokens: 3,
    concurrency: 1,
  })
})

describe('an account', () => {
  test('has room only where every limit has', () => {
    const account = createAccount([limit('requests', 2, 1000), limit('tokens', 100, 5000)])
    reserveAll(account, 'a', cost(90), START)
    expect(fits(account, cost(10), START)).toBe(true)
    expect(fits(account, cost(11), START)).toBe(false)
    reserveAll(account, 'b', cost(1), START)
    expect(fits(account, cost(1), START)).toBe(false)
  })

  test('names the limit that binds longest, and until when', () => {
    const account = createAccount([limit('requests', 1, 1000), limit('tokens', 100, 5000)])
    expect(blockOf(account, cost(50), START)).toBeNull()
    reserveAll(account, 'a', cost(60), START)
    settleAll(account, 'a', cost(60), true, START + 200)
    expect(blockOf(account, cost(40), START + 200)).toEqual({ limit: 'requests_limit', until: START + 1500 })
    expect(blockOf(account, cost(50), START + 200)).toEqual({ limit: 'tokens_limit', until: START + 5700 })
  })

  test('takes a call that never left off every ledger', () => {
    const account = createAccount([limit('requests', 1, 1000), limit('tokens', 9), limit('concurrency', 1)])
    reserveAll(account, 'a', cost(9), START)
    expect(fits(account, cost(1), START)).toBe(false)
    settleAll(account, 'a', cost(9), false, START)
    expect(fits(account, cost(9), START)).toBe(true)
  })

  test('knows the first limit that a cost exceeds as a whole', () => {
    const limits = [limit('requests', 1), limit('tokens', 100), limit('input_tokens', 10)]
    expect(tooSmall(limits, cost(10, 90))).toBeNull()
    expect(tooSmall(limits, cost(11, 90))?.name).toBe('tokens_limit')
    expect(tooSmall(limits, cost(11))?.name).toBe('input_tokens_limit')
  })
})

describe('a limit that was learned to hold less than is declared', () => {
  const learned = () => {
    const account = createAccount([limit('output_tokens', 300), limit('tokens', 500)])
    const lesson = { limit: 'output_tokens_limit', because: '', declared: 300, amount: null, until: null }
    const inForce = { amount: 50, per_ms: 1000 }
    applyLesson(account, { ...lesson, cause: 'hidden_window', in_force: inForce }, START - 10_000)
    return account
  }

  test('takes a call that asks for more once all of it is free, and all limits book what it asks for', () => {
    const account = learned()
    expect(account.most).toEqual({ inputTokens: 500, outputTokens: 300, tokens: 500 })
    expect(fits(account, cost(10, 100), START)).toBe(true)
    reserveAll(account, 'a', cost(10, 100), START)
    expect(account.ledgers.map((ledger) => used(ledger, START))).toEqual([100, 110, 100])
    settleAll(account, 'a', cost(10, 100), true, START)
    const { perMs, guardMs } = account.ledgers[2]!.limit
    expect(blockOf(account, cost(10, 100), START)?.until).toBe(START + perMs + guardMs)
  })

  test('keeps calls that ask for more waiting for a window each', () => {
    const account = learned()
    reserveAll(account, 'a', cost(10, 100), START)
    settleAll(account, 'a', cost(10, 100), true, START)
    const { perMs, guardMs } = account.ledgers[2]!.limit
    const demand = { requests: 2, inputTokens: 20, outputTokens: 200 }
    expect(earliestFor(account, demand, START).at).toBe(START + 2 * (perMs + guardMs))
  })

  test('takes no call that asks for more than is declared', () => {
    expect(fits(learned(), cost(10, 301), START)).toBe(false)
  })
})

describe('what a provider reports', () => {
  const report = (rest: Partial<LimitReport> = {}): LimitReport => ({
    unit: 'tokens',
    per_ms: 60_000,
    limit: 100,
    remaining: 30,
    reset_ms: 20_000,
    ...rest,
  })
  const account = () => {
    const fresh = createAccount([limit('requests', 5), limit('tokens', 100)])
    reserveAll(fresh, 'a', cost(50), START)
    return fresh
  }
  const tokensOf = ({ ledgers }: ReturnType<typeof account>, at: number) => used(ledgers[1]!, at)

  test('lowers the room to what remains, until the reset', () => {
    const known = account()
    expect(correct(known, [report()], START)).toEqual([
      { limit: 'tokens_limit', amount: 20, until: START + 20_000 },
    ])
    expect(tokensOf(known, START)).toBe(70)
    expect(tokensOf(known, START + 20_000)).toBe(50)
  })

  test('never raises it', () => {
    const known = account()
    expect(correct(known, [report({ remaining: 50 }), report({ remaining: 100 })], START)).toEqual([])
    expect(tokensOf(known, START)).toBe(50)
  })

  test('is booked once, however often it is said', () => {
    const known = account()
    expect(correct(known, [report(), report()], START)).toHaveLength(1)
    expect(correct(known, [report()], START + 5)).toEqual([])
  })

  test('counts for no longer than the window, and for all of it where no reset is named', () => {
    const until = (reset_ms: number | null) => correct(account(), [report({ reset_ms })], START)[0]!.until
    expect(until(null)).toBe(START + 60_000)
    expect(until(86_400_000)).toBe(START + 60_000)
    expect(until(0)).toBe(START)
  })

  test('may be below zero or a fraction', () => {
    const amount = (remaining: number) => correct(account(), [report({ remaining })], START)[0]!.amount
    expect(amount(-5)).toBe(50)
    expect(amount(29.9)).toBe(21)
  })

  test('is passed over where it says nothing of a limit that is known', () => {
    const unknown = [
      report({ unit: 'output_tokens' }),
      report({ per_ms: 86_400_000 }),
      report({ remaining: null }),
    ]
    expect(correct(account(), unknown, START)).toEqual([])
    expect(correct(account(), [report({ per_ms: null })], START)).toHaveLength(1)
  })
})

describe('a report that does not say which limit it is about', () => {
  const report = (rest: Partial<LimitReport>): LimitReport => ({
    ...{ unit: 'requests', per_ms: null, limit: null, remaining: 0, reset_ms: null },
    ...rest,
  })
  const MINUTE = 60_000
  const DAY = 1440 * MINUTE
  const account = () =>
    createAccount([limit('requests', 1000, DAY, 'day'), limit('requests', 10, MINUTE, 'minute')])

  test('is taken for the limit of its size', () => {
    expect(correct(account(), [report({ limit: 1000, remaining: 900 })], START)[0]).toMatchObject({
      limit: 'day',
      amount: 100,
    })
  })

  test('else for the shortest window of its unit', () => {
    expect(correct(account(), [report({ limit: 77, remaining: 4 })], START)[0]).toMatchObject({
      limit: 'minute',
      amount: 6,
    })
  })

  test('closes nothing for longer than a minute unless it says until when', () => {
    const day = () => createAccount([limit('requests', 1000, DAY, 'day')])
    expect(correct(day(), [report({})], START)[0]).toMatchObject({ until: START + MINUTE })
    expect(correct(day(), [report({ reset_ms: 5 * MINUTE })], START)[0]).toMatchObject({
      until: START + 5 * MINUTE,
    })
  })
})
