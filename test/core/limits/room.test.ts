import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAccount, fits, reserveAll } from '../../../src/core/limits/account.ts'
import type { LimitLesson } from '../../../src/core/events.ts'
import { applyLesson } from '../../../src/core/limits/learning/learned.ts'
import { fitsIn, roomIn } from '../../../src/core/limits/room.ts'
import { type Limit, PRIORITIES, UNITS } from '../../../src/core/types.ts'
import { limit } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'

const DAY_MS = 86_400_000
/** So long ago that a window that began used up is free again. */
const BEFORE = START - 10_000
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

/** What was learned: a limit by its index, and what is in force of it, or of a window of a second beside it. */
const lessons = fc.array(
  fc.record({
    index: fc.nat({ max: 5 }),
    amount: fc.integer({ min: 1, max: 30 }),
    cause: fc.constantFrom('refused', 'hidden_window'),
  }),
  { maxLength: 3 },
)

const lessonOn = ({ name, amount: declared, perMs }: Limit, amount: number, cause: LimitLesson['cause']) => ({
  ...{ limit: name, cause, because: '', declared, amount: null, until: null },
  in_force: { amount, per_ms: cause === 'refused' ? perMs : 1000 },
})

test('what fits in the room of an account is what fits the account, for every rank, however overrun it is and whatever was learned', () => {
  const check = (
    some: readonly Limit[],
    calls: { inputTokens: number; outputTokens: number }[],
    wanted: { inputTokens: number; outputTokens: number },
    learned: { index: number; amount: number; cause: 'refused' | 'hidden_window' }[],
  ) => {
    const account = createAccount(some)
    for (const { index, amount, cause } of learned) {
      const one = some[index]
      if (one !== undefined && one.perMs > 0) applyLesson(account, lessonOn(one, amount, cause), BEFORE)
    }
    for (const [i, call] of calls.entries()) reserveAll(account, `${i}`, call, START)
    for (const rank of PRIORITIES.keys())
      expect(fitsIn(roomIn(account, START, rank), wanted)).toBe(fits(account, wanted, START, rank))
  }
  fc.assert(fc.property(limits, fc.array(cost, { maxLength: 4 }), cost, lessons, check))
})
