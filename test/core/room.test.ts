import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAccount, fits, reserveAll } from '../../src/core/account.ts'
import { fitsIn, roomIn } from '../../src/core/room.ts'
import { UNITS } from '../../src/core/types.ts'
import { limit } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'

const cost = fc.record({ inputTokens: fc.nat({ max: 40 }), outputTokens: fc.nat({ max: 40 }) })
const limits = fc.array(
  fc.record({ unit: fc.constantFrom(...UNITS), amount: fc.integer({ min: 1, max: 60 }) }),
  { maxLength: 6 },
)

test('what fits in the room of an account is what fits the account, however overrun it is', () => {
  const check = (
    some: { unit: (typeof UNITS)[number]; amount: number }[],
    calls: (typeof wanted)[],
    wanted: { inputTokens: number; outputTokens: number },
  ) => {
    const account = createAccount(some.map(({ unit, amount }, i) => limit(unit, amount, 1000, `${i}`)))
    for (const [i, call] of calls.entries()) reserveAll(account, `${i}`, call, START)
    expect(fitsIn(roomIn(account, START), wanted)).toBe(fits(account, wanted, START))
  }
  fc.assert(fc.property(limits, fc.array(cost, { maxLength: 4 }), cost, check))
})
