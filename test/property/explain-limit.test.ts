import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Cost, createAccount, fits, reserveAll, settleAll } from '../../src/core/limits/account.ts'
import type { Limit } from '../../src/core/types.ts'
import { limitAt } from '../../src/replay/explain/limit.ts'
import { limit } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 200)

const KINDS: readonly Partial<Limit>[] = [
  { window: 'sliding' },
  { window: 'fixed', phaseMs: 0 },
  { window: 'bucket', burst: 40 },
  { window: 'universal' },
  { window: 'sliding', charge: 'actual_at_end' },
  { window: 'sliding', ceilings: [1000, 700, 400] },
  { window: 'sliding', perMs: 86_400_000, pace: true },
]

const calls = fc.array(
  fc.record({ gapMs: fc.nat({ max: 3000 }), tokens: fc.integer({ min: 1, max: 30 }), ends: fc.boolean() }),
  { maxLength: 12 },
)

const cases = fc.record({
  unit: fc.constantFrom('requests' as const, 'tokens' as const, 'concurrency' as const),
  amount: fc.integer({ min: 1, max: 60 }),
  kind: fc.constantFrom(...KINDS),
  rank: fc.nat({ max: 2 }),
  asked: fc.integer({ min: 1, max: 40 }),
  calls,
})
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never

function accountOf({ unit, kind }: Case, amount: number) {
  if (unit === 'concurrency') return createAccount([limit(unit, amount)])
  // A bucket that holds more refills as before.
  const own = kind.window === 'bucket' ? { ...kind, amount: 20, burst: amount } : { ...kind, amount }
  return createAccount([limit(unit, own.amount, kind.perMs ?? 5000, 'it', own)])
}

/** The ledger of a limit of this amount after all calls for which the limit as it is has room. */
function after(one: Case, amount: number) {
  const [real, account] = [accountOf(one, one.amount), accountOf(one, amount)]
  let at = START
  for (const [i, { gapMs, tokens, ends }] of one.calls.entries()) {
    at += gapMs
    const cost: Cost = { inputTokens: tokens, outputTokens: 0 }
    if (!fits(real, cost, at)) continue
    for (const each of [real, account]) {
      reserveAll(each, String(i), cost, at)
      if (ends) settleAll(each, String(i), cost, true, at)
    }
  }
  return { account, at }
}

test('with the amount that is told a limit has room at once, with one less it has none', () => {
  let raised = 0
  const check = (one: Case) => {
    const cost = { inputTokens: one.asked, outputTokens: 0 }
    const { account, at } = after(one, one.amount)
    const told = limitAt(account.ledgers[0]!, cost, at, one.rank)
    expect(told.fits).toBe(fits(account, cost, at, one.rank))
    if (told.at_least === null) return
    raised++
    const isEnough = (amount: number) => fits(after(one, amount).account, cost, at, one.rank)
    expect([told.at_least, isEnough(told.at_least)]).toEqual([told.at_least, true])
    expect([told.at_least - 1, isEnough(told.at_least - 1)]).toEqual([told.at_least - 1, false])
  }
  fc.assert(fc.property(cases, check), { numRuns })
  expect(raised).toBeGreaterThan(numRuns / 10)
})

test('what is used, reserved, kept back and asked for exceeds the amount exactly where it does not fit', () => {
  const check = (one: Case) => {
    const { account, at } = after(one, one.amount)
    const told = limitAt(account.ledgers[0]!, { inputTokens: one.asked, outputTokens: 0 }, at, one.rank)
    const { used, reserved, kept, asked, amount, fits: isFit, paced } = told
    expect(used).toBeGreaterThanOrEqual(0)
    if (!paced) expect(used + reserved + kept + asked <= amount).toBe(isFit)
  }
  fc.assert(fc.property(cases, check), { numRuns })
})

test('looking at a limit leaves it as it is', () => {
  const check = (one: Case) => {
    const { account, at } = after(one, one.amount)
    const look = () => limitAt(account.ledgers[0]!, { inputTokens: one.asked, outputTokens: 0 }, at, one.rank)
    expect(look()).toEqual(look())
  }
  fc.assert(fc.property(cases, check), { numRuns })
})
