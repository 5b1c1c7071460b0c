import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blockOf, createAccount, fits, reserveAll, settleAll } from '../../src/core/limits/account.ts'
import { used } from '../../src/core/limits/ledger.ts'
import { earliestFor, leavesRoomFor } from '../../src/core/limits/look-ahead.ts'
import type { Limit, Unit, WindowKind } from '../../src/core/types.ts'
import { limit } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'

const RUNS = Number(process.env.LLB_TEST_RUNS ?? 300)

const ceiling = fc.integer({ min: 1, max: 1000 })
const limits: fc.Arbitrary<Limit> = fc
  .record({
    unit: fc.constantFrom<Unit>('requests', 'tokens', 'input_tokens', 'concurrency'),
    amount: fc.integer({ min: 1, max: 40 }),
    perMs: fc.integer({ min: 1, max: 2000 }),
    window: fc.constantFrom<WindowKind>('sliding', 'bucket', 'universal'),
    ceilings: fc.tuple(ceiling, ceiling, ceiling).map((shares) => shares.sort((a, b) => b - a)),
  })
  .map(({ unit, amount, perMs, window, ceilings }) =>
    limit(unit, amount, perMs, 'it', { window, ceilings, guardMs: 20 }),
  )

interface Step {
  readonly waitMs: number
  readonly rank: number
  readonly tokens: number
  readonly ends: boolean
}
const scripts = fc.array(
  fc.record<Step>({
    waitMs: fc.nat({ max: 600 }),
    rank: fc.nat({ max: 2 }),
    tokens: fc.integer({ min: 1, max: 15 }),
    ends: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
)

const costOf = (tokens: number) => ({ inputTokens: tokens, outputTokens: 0 })

/** Lets in what fits; some calls end as they start, the others stay under way. */
function play(
  one: Limit,
  script: readonly Step[],
  look: (step: Step, before: number, after: number) => void,
) {
  const account = createAccount([one])
  const ledger = account.ledgers[0]!
  let now = START
  for (const [i, step] of script.entries()) {
    now += step.waitMs
    const cost = costOf(step.tokens)
    if (!fits(account, cost, now, step.rank)) continue
    const before = used(ledger, now)
    reserveAll(account, `${i}`, cost, now)
    look(step, before, used(ledger, now))
    if (step.ends) settleAll(account, `${i}`, cost, true, now)
  }
  return { account, now }
}

test('no priority fills more than its ceiling, but for a larger request on a limit that is not used', () => {
  const check = (one: Limit, script: Step[]) => {
    play(one, script, ({ rank }, before, after) => {
      expect(after).toBeLessThanOrEqual(one.amount)
      if (before > 0) expect(after * 1000).toBeLessThanOrEqual(one.amount * one.ceilings![rank]!)
    })
  }
  fc.assert(fc.property(limits, scripts, check), { numRuns: RUNS })
})

test('room under a ceiling is promised for the exact millisecond, and a lower priority never has it earlier', () => {
  const check = (one: Limit, script: Step[], tokens: number) => {
    const cost = costOf(tokens)
    const untils = [0, 1, 2].map((rank) => {
      // Looking ahead lets go of what is over, so that each rank is asked on a ledger of its own.
      const { account, now } = play(one, script, () => {})
      const until = blockOf(account, cost, now, rank)?.until ?? now
      if (until === Number.POSITIVE_INFINITY) return until
      if (until > now) expect(fits(account, cost, until - 1, rank)).toBe(false)
      expect(fits(account, cost, until, rank)).toBe(true)
      return until
    })
    expect(untils).toEqual(untils.toSorted((a, b) => a - b))
  }
  fc.assert(fc.property(limits, scripts, fc.integer({ min: 1, max: 15 }), check), { numRuns: RUNS })
})

test('what fits an unused limit at all fits it under any ceiling', () => {
  const check = (one: Limit, rank: number, tokens: number) => {
    const account = createAccount([one])
    expect(fits(account, costOf(tokens), START, rank)).toBe(fits(account, costOf(tokens), START))
  }
  fc.assert(fc.property(limits, fc.nat({ max: 2 }), fc.integer({ min: 1, max: 60 }), check), {
    numRuns: RUNS,
  })
})

test('a ceiling lets the high ones in while the low ones wait, and looks ahead so', () => {
  const account = createAccount([limit('requests', 10, 1000, 'ten', { ceilings: [1000, 1000, 800] })])
  for (let i = 0; i < 8; i++) reserveAll(account, `${i}`, costOf(1), START)
  expect([0, 1, 2].map((rank) => fits(account, costOf(1), START, rank))).toEqual([true, true, false])
  expect(blockOf(account, costOf(1), START, 2)).toEqual({ limit: 'ten', until: START + 1500 })
  const demand = { ...costOf(1), requests: 1 }
  expect([0, 2].map((rank) => earliestFor(account, demand, START, 0, rank).at)).toEqual([START, START + 1500])
  const leaves = (rank: number) => leavesRoomFor(account, costOf(1), START, costOf(1), START, 0, rank)
  expect([leaves(0), leaves(2)]).toEqual([true, false])
})
