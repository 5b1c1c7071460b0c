import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Account,
  createAccount,
  fits,
  LEAST,
  reserveAll,
  settleAll,
} from '../../src/core/limits/account.ts'
import { nextAdmissible, reserve, roomOf } from '../../src/core/limits/ledger.ts'
import { earliestFor, leavesRoomFor } from '../../src/core/limits/look-ahead.ts'
import { type ChargeRule, capacityOf, type Limit, type Unit } from '../../src/core/types.ts'
import { limit } from '../support/llms.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 150)
const DAY_MS = 86_400_000
const START = 1_700_000_000_000
const tokens = (inputTokens: number) => ({ inputTokens, outputTokens: 0 })

/** Limits that come back at a known instant, and one of calls at once. */
const limits = fc
  .record({
    unit: fc.constantFrom<Unit>('requests', 'tokens', 'input_tokens', 'concurrency'),
    amount: fc.integer({ min: 1, max: 30 }),
    perMs: fc.integer({ min: 50, max: 3000 }),
    guardMs: fc.constantFrom(0, 1, 100, 500),
    charge: fc.constantFrom<ChargeRule>('reserve_trueup', 'unknown'),
    rest: fc.constantFrom<Partial<Limit>>(
      { window: 'sliding' },
      { window: 'fixed', phaseMs: 17 },
      { window: 'bucket' },
      { window: 'bucket', burst: 3 },
      { window: 'universal' },
      { window: 'calendar', timeZone: 'Europe/Berlin', perMs: DAY_MS },
    ),
  })
  .map(({ unit, amount, perMs, guardMs, charge, rest }) => {
    const burst = rest.burst ? Math.min(rest.burst, amount) : null
    return limit(unit, amount, perMs, unit, { guardMs, charge, ...rest, burst })
  })

interface Step {
  readonly waitMs: number
  readonly cost: number
  readonly callMs: number
}
const steps = fc.array(
  fc.record({
    waitMs: fc.nat({ max: 600 }),
    cost: fc.integer({ min: 1, max: 9 }),
    callMs: fc.nat({ max: 900 }),
  }),
  { maxLength: 30 },
)

/** Calls that came and went; those still under way at the end are told. */
function played(account: Account, script: readonly Step[]): { now: number; running: string[] } {
  let now = START
  const running: { key: string; until: number; cost: number }[] = []
  for (const [i, { waitMs, cost, callMs }] of script.entries()) {
    now += waitMs
    for (const call of running.splice(0)) {
      if (call.until > now) running.push(call)
      else settleAll(account, call.key, tokens(call.cost), true, now)
    }
    if (!fits(account, tokens(cost), now)) continue
    reserveAll(account, String(i), tokens(cost), now)
    running.push({ key: String(i), until: now + callMs, cost })
  }
  return { now, running: running.map(({ key }) => key) }
}

/** Takes unit by unit, each as soon as it fits; the instant at which the last one did. */
function greedily({ ledgers: [ledger] }: Account, demand: number, now: number): number {
  let at = now
  for (let i = 0; i < demand; i++) {
    at = nextAdmissible(ledger!, 1, at)
    reserve(ledger!, `unit ${i}`, 1, at)
  }
  return at
}

describe('the earliest instant for a demand', () => {
  const fromStart = limits
    .filter(({ unit }) => unit !== 'concurrency')
    .map((one): Limit => ({ ...one, unit: 'requests' }))

  test('within the limit, is that at which the last of it fits, taken unit by unit', () => {
    const check = (one: Limit, script: Step[], share: number) => {
      const account = createAccount([one])
      const { now } = played(account, script)
      const demand = Math.ceil(capacityOf(one) * share)
      const { at } = earliestFor(account, { ...LEAST, requests: demand }, now)
      const greedy = greedily(structuredClone(account), demand, now)
      // Units that went before count for less in a universal window than all of them at once do.
      if (one.window === 'universal') expect(at).toBeGreaterThanOrEqual(greedy)
      else expect(at).toBe(greedy)
    }
    const shares = fc.constantFrom(0.1, 0.5, 0.9, 1)
    fc.assert(fc.property(fromStart, steps, shares, check), { numRuns })
  })

  test('that is many times the limit, is right but for the guard of each window', () => {
    const check = (one: Limit, script: Step[], times: number) => {
      const account = createAccount([one])
      const { now } = played(account, script)
      const demand = Math.ceil(capacityOf(one) * times)
      const { at } = earliestFor(account, { ...LEAST, requests: demand }, now)
      const greedy = greedily(structuredClone(account), demand, now)
      const { window, perMs, guardMs } = one
      const rounds = times + 1
      // An estimate: rounding, the guard, days that are longer or shorter, what a universal window weighs.
      const slack = {
        ...{ sliding: 2, fixed: 2, calendar: 3_600_000, bucket: 2 + 2 * guardMs + rounds * (guardMs / 30) },
        universal: 0.6 * (greedy - now) + 2 * perMs,
      }
      expect(Math.abs(at - greedy)).toBeLessThanOrEqual(rounds * slack[window])
    }
    const without = fromStart.filter(({ window, amount }) => window !== 'universal' || amount > 3)
    const times = fc.constantFrom(1.5, 2, 3.3)
    fc.assert(fc.property(without, steps, times, check), { numRuns })
  })

  test('names the limit that keeps it waiting longest, and none where nothing does', () => {
    const account = createAccount([limit('requests', 2, 1000), limit('tokens', 100, 5000)])
    expect(earliestFor(account, { ...tokens(100), requests: 2 }, START)).toEqual({ at: START, limit: '' })
    reserveAll(account, 'a', tokens(60), START)
    settleAll(account, 'a', tokens(60), true, START + 100)
    const earliest = (input: number, requests: number) =>
      earliestFor(account, { ...tokens(input), requests }, START + 100)
    expect(earliest(40, 2)).toEqual({ at: START + 1500, limit: 'requests_limit' })
    expect(earliest(41, 2)).toEqual({ at: START + 5600, limit: 'tokens_limit' })
    expect(earliest(140, 2)).toEqual({ at: START + 5600, limit: 'tokens_limit' })
    expect(earliest(141, 2)).toEqual({ at: START + 11_100, limit: 'tokens_limit' })
  })

  test('takes calls under way to end in the time given, and what they hold to come back a window later', () => {
    const account = createAccount([limit('tokens', 100, 1000), limit('concurrency', 2)])
    reserveAll(account, 'a', tokens(80), START)
    const at = (input: number, requests: number) =>
      earliestFor(account, { ...tokens(input), requests }, START, 300).at - START
    expect(at(20, 1)).toBe(0)
    expect(at(21, 1)).toBe(300 + 1500)
    expect(at(10, 2)).toBe(150)
    expect(at(10, 3)).toBe(300)
    expect(at(10, 4)).toBe(450)
  })
})

describe('whether a call leaves room for a later one', () => {
  test('is told as if it had run', () => {
    const check = (
      own: Limit[],
      script: Step[],
      cost: number,
      other: number,
      afterMs: number,
      callMs: number,
    ) => {
      const account = createAccount(own)
      const { now, running } = played(account, script)
      if (!fits(account, tokens(cost), now)) return
      const at = now + afterMs
      const told = leavesRoomFor(account, tokens(cost), now, tokens(other), at, callMs)
      const really = structuredClone(account)
      reserveAll(really, 'new', tokens(cost), now)
      if (callMs <= afterMs) {
        for (const key of [...running, 'new'])
          settleAll(really, key, tokens(costOf(script, key, cost)), true, now + callMs)
      }
      expect(told).toBe(fits(really, tokens(other), at))
    }
    const costOf = (script: Step[], key: string, cost: number) => script[Number(key)]?.cost ?? cost
    const cost = fc.integer({ min: 1, max: 12 })
    const some = fc.uniqueArray(limits, { minLength: 1, maxLength: 3, selector: ({ unit }) => unit })
    const ms = fc.nat({ max: 4000 })
    fc.assert(fc.property(some, steps, cost, cost, ms, ms, check), { numRuns: numRuns * 2 })
  })
})

test('looking ahead changes nothing', () => {
  const check = (own: Limit[], script: Step[], cost: number, ms: number) => {
    const account = createAccount(own)
    const { now } = played(account, script)
    for (const ledger of account.ledgers) roomOf(ledger, now)
    const before = structuredClone(account)
    earliestFor(account, { ...tokens(cost), requests: 3 }, now, ms)
    leavesRoomFor(account, tokens(cost), now, tokens(cost), now + 2 * ms, ms)
    expect(account.ledgers.map(({ peak: _, ...rest }) => rest)).toEqual(
      before.ledgers.map(({ peak: _, ...rest }) => rest),
    )
  }
  const some = fc.uniqueArray(limits, { minLength: 1, maxLength: 3, selector: ({ unit }) => unit })
  fc.assert(fc.property(some, steps, fc.integer({ min: 1, max: 90 }), fc.nat({ max: 4000 }), check), {
    numRuns,
  })
})
