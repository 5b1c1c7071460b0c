import { describe, expect, test } from 'vitest'
import { type Account, createAccount, reserveAll, settleAll } from '../../../../src/core/limits/account.ts'
import type { LimitLesson, LimitReport } from '../../../../src/core/events.ts'
import { applyLesson } from '../../../../src/core/limits/learning/learned.ts'
import { learnFromAnswer } from '../../../../src/core/limits/learning/raises.ts'
import { learnFromRefusal } from '../../../../src/core/limits/learning/refusals.ts'
import { learnFromReports } from '../../../../src/core/limits/learning/reports.ts'
import { used } from '../../../../src/core/limits/ledger.ts'
import { limit } from '../../../support/llms.ts'
import { START } from '../../../support/virtual-clock.ts'
import { failureOf } from '../../../support/world.ts'

const MINUTE_MS = 60_000
const ONE = { inputTokens: 1, outputTokens: 0 }
const fresh = (amount = 600) => createAccount([limit('requests', amount, MINUTE_MS, 'requests_per_min')])

let calls = 0
/** Calls one after the other from `at` on, each answered before the next. */
function serve(account: Account, count: number, at: number, everyMs = 0): number {
  for (let i = 0; i < count; i++) {
    const key = `call ${calls++}`
    reserveAll(account, key, ONE, at + i * everyMs)
    settleAll(account, key, ONE, true, at + i * everyMs)
  }
  return at + count * everyMs
}

/** A call that is sent at `at` and refused 50 ms later. */
function refuse(account: Account, at: number, rest: Parameters<typeof failureOf>[1] = {}): LimitLesson[] {
  serve(account, 1, at)
  return learnFromRefusal(account, { failure: failureOf('rate_limited', rest), startedAt: at, at: at + 50 })
}

const inForce = ({ ledgers }: Account) => ledgers.map(({ limit: { name, amount } }) => [name, amount])

describe('a call that is refused although there is room', () => {
  test('shows a window of ten seconds if its share was sent within that', () => {
    const account = fresh()
    const [lesson] = refuse(account, serve(account, 100, START))
    expect(lesson).toMatchObject({ cause: 'hidden_window', in_force: { amount: 100, per_ms: 10_000 } })
    expect(inForce(account)).toEqual([
      ['requests_per_min', 600],
      ['requests_per_min_in_10s', 100],
    ])
    expect(used(account.ledgers[1]!, START + 100)).toBe(100)
  })

  test('shows a window of a second if too few were sent for one of ten', () => {
    const account = fresh()
    const [lesson] = refuse(account, serve(account, 12, START))
    expect(lesson).toMatchObject({ cause: 'hidden_window', in_force: { amount: 10, per_ms: 1000 } })
  })

  test('shows no window that is shorter than the wait that is asked for', () => {
    const account = fresh()
    serve(account, 300, START)
    const [lesson] = refuse(account, START + 20_000, { retry_after_ms: 40_000 })
    expect(lesson).toMatchObject({ cause: 'refused', in_force: { amount: 300 } })
  })

  test('shows that the limit is what was let in, if far more was than a hidden window holds', () => {
    const account = fresh()
    const [lesson] = refuse(account, serve(account, 350, START))
    expect(lesson).toMatchObject({ cause: 'refused', declared: 600, in_force: { amount: 350 } })
    expect(inForce(account)).toEqual([['requests_per_min', 350]])
  })

  test('shows that there is no hidden window if that was kept', () => {
    const account = fresh()
    refuse(account, serve(account, 100, START))
    serve(account, 250, START + 20_000, 100)
    const [lesson] = refuse(account, START + 45_001, { retry_after_ms: 30_000 })
    expect(lesson).toMatchObject({ cause: 'refused' })
    expect(inForce(account)).toHaveLength(1)
  })

  test('lowers at most to half within one window', () => {
    const account = fresh()
    for (let i = 0; i < 5; i++) refuse(account, START + i * 5000, { retry_after_ms: 15_000 })
    expect(inForce(account)).toEqual([['requests_per_min', 300]])
  })

  test('is forgiven once if little was used', () => {
    const account = fresh()
    expect(refuse(account, START, { retry_after_ms: 15_000 })).toEqual([])
  })

  test('says nothing of limits if as many run at once as may', () => {
    const account = createAccount([limit('requests', 600, MINUTE_MS), limit('concurrency', 1, 0)])
    for (let i = 0; i < 5; i++) expect(refuse(account, START + i * 2000)).toEqual([])
  })

  test('for a day that is used up teaches nothing', () => {
    const account = fresh()
    serve(account, 100, START)
    expect(refuse(account, START, { limit: { unit: 'requests', per_ms: 86_400_000 } })).toEqual([])
  })
})

describe('a limit that was lowered', () => {
  const lowered = () => {
    const account = fresh()
    refuse(account, serve(account, 350, START))
    return account
  }

  test('is raised slowly, then faster, for windows that are used up, and never above what is declared', () => {
    const account = lowered()
    const levels: number[] = []
    for (let window = 1; window <= 8; window++) {
      const at = START + window * 61_000
      serve(account, account.ledgers[0]!.limit.amount, at - 30_000)
      for (const { in_force: now } of learnFromAnswer(account, at)) levels.push(now!.amount)
    }
    expect(levels).toEqual([356, 362, 374, 398, 446, 494, 542, 590])
    serve(account, 590, START + 9 * 61_000 - 30_000)
    expect(learnFromAnswer(account, START + 9 * 61_000)[0]).toMatchObject({ in_force: { amount: 600 } })
    expect(learnFromAnswer(account, START + 10 * 61_000)).toEqual([])
  })

  test('is not raised for a window with room left', () => {
    const account = lowered()
    serve(account, 100, START + 100_000)
    expect(learnFromAnswer(account, START + 120_000)).toEqual([])
  })
})

describe('a limit in the headers', () => {
  const report = (amount: number, remaining: number): LimitReport => ({
    ...{ unit: 'requests', per_ms: MINUTE_MS, limit: amount, remaining, reset_ms: 50_000 },
  })
  const tell = (account: Account, one: LimitReport, times: number) => {
    const told: LimitLesson[] = []
    for (let i = 0; i < times; i++) told.push(...learnFromReports(account, [one], START + i))
    return told.filter(({ cause }) => cause === 'limit_header')
  }

  test('that is lower holds from the third time on, until it is told otherwise', () => {
    const account = fresh()
    serve(account, 20, START)
    expect(tell(account, report(300, 280), 2)).toEqual([])
    expect(tell(account, report(300, 280), 5)).toHaveLength(1)
    expect(inForce(account)).toEqual([['requests_per_min', 300]])
    expect(tell(account, report(900, 880), 3)).toHaveLength(1)
    expect(inForce(account)).toEqual([['requests_per_min', 600]])
  })

  test('is not believed if the numbers count less than was used from here', () => {
    const account = fresh()
    serve(account, 20, START)
    expect(tell(account, report(300, 290), 5)).toEqual([])
  })

  test('is not believed if numbers that are all too small could count so much with what is under way', () => {
    const underWay = (count: number) => {
      const account = fresh()
      serve(account, 20, START)
      for (let i = 0; i < count; i++) reserveAll(account, `under way ${i}`, ONE, START)
      return tell(account, report(300, 275), 5)
    }
    // With 49 used, the halves of 600 and of the 551 that remain are told so; with 47, no factor would tell them so.
    expect(underWay(29)).toEqual([])
    expect(underWay(27)).toHaveLength(1)
  })

  test('is not believed of a bucket that holds less than its limit, if numbers that are all too small could count so much', () => {
    const bucket = { window: 'bucket', burst: 100 } as const
    const told = (remaining: number) => {
      const account = createAccount([limit('requests', 600, MINUTE_MS, 'requests_per_min', bucket)])
      serve(account, 20, START)
      return tell(account, report(300, remaining), 5)
    }
    // Half of the 80 that remain of its 100.
    expect(told(40)).toEqual([])
    expect(told(30)).toHaveLength(1)
  })

  test('that is higher is not taken over', () => {
    const account = fresh()
    serve(account, 20, START)
    expect(tell(account, report(6000, 5980), 5)).toEqual([])
  })
})

describe('lessons out of a log', () => {
  test('lead to the limits that they led to when they were learned', () => {
    const account = fresh()
    const lessons = [
      ...refuse(account, serve(account, 100, START)),
      ...refuse(account, serve(account, 250, START + 20_000, 100), { retry_after_ms: 30_000 }),
    ]
    expect(lessons).toHaveLength(2)
    const restarted = fresh()
    for (const lesson of lessons) applyLesson(restarted, lesson, START)
    expect(inForce(restarted)).toEqual(inForce(account))
  })

  test('say nothing of a limit that is declared otherwise by now', () => {
    const account = fresh()
    const lessons = refuse(account, serve(account, 350, START))
    const changed = fresh(500)
    for (const lesson of lessons) applyLesson(changed, lesson, START)
    expect(inForce(changed)).toEqual([['requests_per_min', 500]])
  })
})
