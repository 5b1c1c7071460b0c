import { expect, test } from 'vitest'
import { type Account, createAccount, reserveAll, settleAll } from '../../../../src/core/limits/account.ts'
import type { LimitLesson } from '../../../../src/core/events.ts'
import { applyLesson } from '../../../../src/core/limits/learning/learned.ts'
import { used } from '../../../../src/core/limits/ledger.ts'
import { limit } from '../../../support/llms.ts'
import { START } from '../../../support/virtual-clock.ts'

const CALL = { inputTokens: 1, outputTokens: 0 }
const GUARD_MS = 500

const bucket = () =>
  createAccount([{ ...limit('requests', 100, 10_000), window: 'bucket', guardMs: GUARD_MS }])

function use(account: Account, count: number, at: number): void {
  for (let i = 0; i < count; i++) {
    reserveAll(account, `${at}.${i}`, CALL, at)
    settleAll(account, `${at}.${i}`, CALL, true, at)
  }
}

const lowered = (amount: number): LimitLesson => ({
  limit: 'requests_limit',
  cause: 'refused',
  because: '',
  declared: 100,
  in_force: { amount, per_ms: 10_000 },
  amount: null,
  until: null,
})

test('a bucket that is lowered has drained as before until then, and drains more slowly from then on', () => {
  const account = bucket()
  use(account, 40, START)
  const [ledger] = account.ledgers
  const drainsFrom = START + 504
  const at = drainsFrom + 1000
  expect(used(ledger!, at)).toBe(30)
  applyLesson(account, lowered(50), at)
  expect(used(ledger!, at)).toBe(30)
  expect(used(ledger!, at + 1000)).toBe(25)
})

test('whether anybody looked at it before makes no difference', () => {
  const at = START + 8000
  const counts = [false, true].map((isLookedAt) => {
    const account = bucket()
    const [ledger] = account.ledgers
    use(account, 10, START)
    if (isLookedAt) used(ledger!, START + 3000)
    use(account, 10, START + 5000)
    if (isLookedAt) used(ledger!, START + 6000)
    applyLesson(account, lowered(5), at)
    return used(ledger!, at + 500)
  })
  expect(counts[0]).toBe(counts[1])
})
