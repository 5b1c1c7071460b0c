import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAccount, fits, reserveAll } from '../../../src/core/limits/account.ts'
import { fitsIn, roomIn } from '../../../src/core/limits/room.ts'
import { PRIORITIES, UNITS } from '../../../src/core/types.ts'
import { limit } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'

const DAY_MS = 86_400_000
const cost = fc.record({ inputTokens: fc.nat({ max: 40 }), outputTokens: fc.nat({ max: 40 }) })
const limits = fc
  .array(
    fc.record({
      unit: fc.constantFrom(...UNITS),
      amount: fc.integer({ min: 1, max: 60 }),
      rest: fc.constantFrom({}, { ceilings: [1000, 800, 500] }, { pace: true }),
    }),
    { maxLength: 6 },
  )
  .map((some) =>
    some.map(({ unit, amount, rest }, i) =>
      limit(unit, amount, unit === 'concurrency' ? 0 : DAY_MS, `${i}`, rest),
    ),
  )

test('what fits in the room of an account is what fits the account, for every rank and however overrun it is', () => {
  const check = (
    some: ReturnType<typeof limit>[],
    calls: { inputTokens: number; outputTokens: number }[],
    wanted: { inputTokens: number; outputTokens: number },
  ) => {
    const account = createAccount(some)
    for (const [i, call] of calls.entries()) reserveAll(account, `${i}`, call, START)
    for (const rank of PRIORITIES.keys())
      expect(fitsIn(roomIn(account, START, rank), wanted)).toBe(fits(account, wanted, START, rank))
  }
  fc.assert(fc.property(limits, fc.array(cost, { maxLength: 4 }), cost, check))
})
