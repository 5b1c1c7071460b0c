import { describe, expect, test } from 'vitest'
import {
  type Account,
  createAccount,
  createAccounts,
  reserveAll,
  settleAll,
} from '../../../../src/core/limits/account.ts'
import { isOfWindow, type LimitLesson } from '../../../../src/core/events.ts'
import { learnKinds, trustKinds } from '../../../../src/core/limits/learning/kinds.ts'
import { applyLesson } from '../../../../src/core/limits/learning/learned.ts'
import { learnFromRefusal } from '../../../../src/core/limits/learning/refusals.ts'
import { roomOf } from '../../../../src/core/limits/ledger.ts'
import type { Limit } from '../../../../src/core/types.ts'
import { play, type Talk } from '../../../support/kind-client.ts'
import { limit } from '../../../support/llms.ts'
import { START } from '../../../support/virtual-clock.ts'
import { failureOf } from '../../../support/world.ts'

const MINUTE_MS = 60_000
const ONE = { inputTokens: 1, outputTokens: 0 }
const open = (rest: Partial<Limit> = {}) =>
  limit('requests', 600, MINUTE_MS, 'requests_per_min', { assumed: true, ...rest })

let calls = 0
function serve(account: Account, count: number, at: number): void {
  for (let i = 0; i < count; i++) {
    const key = `call ${calls++}`
    reserveAll(account, key, ONE, at)
    settleAll(account, key, ONE, true, at)
  }
}

/** So many answers that tell of a bucket from which more and more is taken. */
function tellOfBucket(
  account: Account,
  answers: number,
  at = START,
  perMs = MINUTE_MS,
  of = 600,
): LimitLesson[] {
  let sent = 0
  return Array.from({ length: answers }, (_, i) => {
    const used = Math.floor(of / 30) + Math.floor((of * i) / 50)
    const told = {
      unit: 'requests',
      limit: of,
      remaining: of - used,
      reset_ms: (used * perMs) / of - 3,
    } as const
    serve(account, Math.max(1, used - sent), at + i)
    sent = Math.max(sent + 1, used)
    return learnKinds(account, { limits: [{ ...told, per_ms: null }], sentAt: at + i, at: at + i + 50 })
  }).flat()
}

const windowsOf = ({ ledgers }: Account) => ledgers.map(({ limit: { window, perMs } }) => [window, perMs])

describe('a kind that nobody wrote down', () => {
  test('is taken over once it is proven, and told with its cause', () => {
    const account = createAccount([open()])
    expect(tellOfBucket(account, 11)).toEqual([])
    expect(tellOfBucket(account, 1, START + 100)).toEqual([
      {
        ...{ limit: 'requests_per_min', cause: 'window_header', declared: 600, amount: null, until: null },
        because: '12 headers tell of a bucket that refills all the time',
        in_force: { amount: 600, per_ms: MINUTE_MS, window: 'bucket', phase_ms: null, guard_ms: 500 },
      },
    ])
    expect(windowsOf(account)).toEqual([['bucket', MINUTE_MS]])
  })

  test('lets in a 64th more than declared at first, and twice as much after each window that needed it', () => {
    const account = createAccount([open()])
    tellOfBucket(account, 12)
    const [ledger] = account.ledgers
    const beyond: number[] = []
    for (let i = 1; i <= 4; i++) {
      const at = START + i * 61_000
      serve(account, 600, at - 30_000)
      serve(account, roomOf(ledger!, at), at)
      beyond.push(ledger!.fallback!.limit.amount - 600)
      trustKinds(account, at + 1_000)
    }
    expect(beyond).toEqual([10, 19, 38, 75])
  })

  test('is let go at the first header that does not agree, and has to be shown twice as often then', () => {
    const account = createAccount([open()])
    tellOfBucket(account, 12)
    const told = {
      unit: 'requests',
      per_ms: MINUTE_MS,
      limit: 600,
      remaining: 500,
      reset_ms: 59_998,
    } as const
    const at = START + 1_000
    const [lesson] = learnKinds(account, { limits: [told], sentAt: at, at: at + 50 })
    expect(lesson).toMatchObject({
      cause: 'window_contradicted',
      in_force: { amount: 600, per_ms: MINUTE_MS },
    })
    expect(windowsOf(account)).toEqual([['sliding', MINUTE_MS]])
    expect(tellOfBucket(account, 23, START + 2_000)).toEqual([])
    expect(tellOfBucket(account, 2, START + 3_000)).toHaveLength(1)
  })

  test('is let go for good at the first refusal, which teaches nothing else', () => {
    const account = createAccount([open()])
    tellOfBucket(account, 12)
    const at = START + 1_000
    const refused = { failure: failureOf('rate_limited'), startedAt: at, at: at + 50 }
    expect(learnFromRefusal(account, refused)).toMatchObject([{ cause: 'window_refused' }])
    expect(account.ledgers.map(({ limit: { amount, window } }) => [amount, window])).toEqual([
      [600, 'sliding'],
    ])
    expect(tellOfBucket(account, 100, START + 2_000)).toEqual([])
  })

  test('is let go by no refusal that names another limit', () => {
    const account = createAccount([open()])
    tellOfBucket(account, 12)
    const failure = failureOf('rate_limited', { limit: { unit: 'tokens', per_ms: MINUTE_MS } })
    learnFromRefusal(account, { failure, startedAt: START, at: START + 50 })
    expect(windowsOf(account)).toEqual([['bucket', MINUTE_MS]])
  })

  test('is not believed of another amount than is in force', () => {
    const account = createAccount([open({ amount: 500 })])
    expect(tellOfBucket(account, 50)).toEqual([])
  })

  test('is the same for all who share the limit', () => {
    const accounts = createAccounts([
      { limits: [open({ shared: 'ours' })] },
      { limits: [open({ shared: 'ours' })] },
    ])
    tellOfBucket(accounts[0]!, 8)
    tellOfBucket(accounts[1]!, 8, START + 100)
    expect(accounts.map(windowsOf)).toEqual([[['bucket', MINUTE_MS]], [['bucket', MINUTE_MS]]])
  })
})

describe('a kind that somebody wrote down', () => {
  test.each(['sliding', 'universal', 'fixed'] as const)('is not overruled: %s', (window) => {
    const account = createAccount([open({ assumed: false, window })])
    expect(tellOfBucket(account, 50)).toEqual([])
  })

  const talk: Talk = {
    ...{
      amount: 60,
      perMs: 10_000,
      counting: { kind: 'fixed', phaseMs: 3_000 },
      headers: { kind: 'honest' },
    },
    ...{ everyMs: 1_000, count: 8, callMs: 300, early: false, windows: 30, seed: 1 },
  }

  test('gets the phase of its windows, if they are fixed', () => {
    const { lessons, refused } = play({ ...talk, declared: { assumed: false, window: 'fixed' } })
    const phase = lessons.find(({ cause }) => cause === 'window_header')?.in_force
    expect(phase).toMatchObject({ amount: 60, per_ms: 10_000, window: 'fixed' })
    const { phase_ms: phaseMs, guard_ms: guardMs } = phase!
    expect(Math.abs(phaseMs! - 3_000)).toBeLessThanOrEqual(guardMs! - 1_000)
    expect(refused).toBe(0)
  })

  test('keeps the phase that is written', () => {
    const { lessons } = play({ ...talk, declared: { assumed: false, window: 'fixed', phaseMs: 3_000 } })
    expect(lessons).toEqual([])
  })
})

describe('headers that tell of a kind that is not', () => {
  const liar = (window: 'bucket' | 'fixed') =>
    play({
      ...{
        amount: 600,
        perMs: 10_000,
        counting: { kind: 'sliding' },
        headers: { kind: 'pretended', window },
      },
      ...{ everyMs: 500, count: 60, callMs: 300, early: true, windows: 60, seed: 1 },
    })
  const causes = (lessons: readonly LimitLesson[]) =>
    lessons.map(({ cause }) => cause).filter((cause) => isOfWindow(cause))

  test('cost a few calls once, if they agree with themselves', () => {
    const { lessons, refused, sent } = liar('bucket')
    expect(causes(lessons)).toEqual(['window_header', 'window_refused'])
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThanOrEqual(20)
    expect(sent).toBeGreaterThan(60 * 500)
  })

  test('are not believed, if they count more than was sent in the window that they tell of', () => {
    const { lessons, refused } = liar('fixed')
    expect(causes(lessons)).toEqual([])
    expect(refused).toBe(0)
  })
})

describe('a window of another length than is declared', () => {
  test.each([
    ['shorter', 10_000, 100],
    ['longer', 3_600_000, 600],
  ])('is kept beside the declared one: %s', (_, perMs, of) => {
    const account = createAccount([open()])
    const lessons = tellOfBucket(account, 20, START, perMs, of)
    expect(lessons).toMatchObject([
      { cause: 'window_header', in_force: { amount: of, per_ms: perMs, window: 'bucket' } },
    ])
    expect(windowsOf(account)).toEqual([
      ['sliding', MINUTE_MS],
      ['bucket', perMs],
    ])
    expect(roomOf(account.ledgers[1]!, START + 50)).toBeLessThan(of)
    const restarted = createAccount([open()])
    for (const lesson of lessons) applyLesson(restarted, lesson, START)
    expect(windowsOf(restarted)).toEqual(windowsOf(account))
  })

  test('is no lesson where the declared one is stricter anyway', () => {
    const account = createAccount([open()])
    expect(tellOfBucket(account, 50, START, 10_000, 600)).toEqual([])
  })
})
