import fc from 'fast-check'
import { expect, test } from 'vitest'
import { accountOf } from '../../../../src/core/limits/account.ts'
import type { LearnedWindow } from '../../../../src/core/events.ts'
import { keepAs, keepAsDeclared } from '../../../../src/core/limits/learning/kept-as.ts'
import {
  admits,
  createLedger,
  type Ledger,
  nextAdmissible,
  postForeign,
  reserve,
  roomOf,
  settle,
  used,
} from '../../../../src/core/limits/ledger.ts'
import { earliestFor } from '../../../../src/core/limits/look-ahead.ts'
import { limit } from '../../../support/llms.ts'
import { START } from '../../../support/virtual-clock.ts'

const PER_MS = 10_000
const GUARD_MS = 500
const BUCKET: LearnedWindow = { window: 'bucket', phase_ms: null, guard_ms: GUARD_MS }
const FIXED: LearnedWindow = { window: 'fixed', phase_ms: 4_000, guard_ms: 700 }
const kept = (window: LearnedWindow) => ({ window, trust: 1, since: START, isUsed: false })
const fresh = (charge: 'reserve_trueup' | 'unknown') =>
  createLedger(limit('tokens', 1000, PER_MS, 'tokens', { charge, guardMs: GUARD_MS }))

/** Back to what is declared, which is what `plain` is. */
function back(ledger: Ledger, plain: Ledger): void {
  keepAsDeclared(ledger)
  ledger.limit = plain.limit
}

interface Step {
  readonly waitMs: number
  readonly amount: number
  readonly does: 'reserve' | 'settle' | 'foreign'
}

const steps = fc.array(
  fc.record<Step>({
    waitMs: fc.nat({ max: 3000 }),
    amount: fc.integer({ min: 1, max: 200 }),
    does: fc.constantFrom('reserve', 'reserve', 'settle', 'foreign'),
  }),
  { maxLength: 40 },
)

test('a limit that is kept as declared again stands as if it had always been', () => {
  const check = (
    script: readonly Step[],
    from: number,
    to: number,
    window: LearnedWindow,
    charge: 'unknown',
  ) => {
    const [learned, plain] = [fresh(charge), fresh(charge)]
    let now = START
    for (const [i, { waitMs, amount, does }] of script.entries()) {
      if (i === from) keepAs(learned, kept(window), now)
      if (i === to) back(learned, plain)
      now += waitMs
      for (const ledger of [learned, plain]) {
        if (does === 'reserve') reserve(ledger, `call ${i}`, amount, now)
        else if (does === 'foreign') postForeign(ledger, amount, now + amount * 10, now)
        else settle(ledger, [...plain.held.keys()][0] ?? `call ${from}`, amount, now)
      }
    }
    back(learned, plain)
    expect(used(learned, now)).toBe(used(plain, now))
    expect(roomOf(learned, now)).toBe(roomOf(plain, now))
    expect([learned.held, learned.reserved, learned.fallback]).toEqual([plain.held, plain.reserved, null])
  }
  const index = fc.nat({ max: 40 })
  const charges = fc.constantFrom('reserve_trueup', 'unknown') as fc.Arbitrary<'unknown'>
  fc.assert(fc.property(steps, index, index, fc.constantFrom(BUCKET, FIXED), charges, check))
})

test('a bucket begins with what the log holds, as if it had been empty before', () => {
  const ledger = fresh('reserve_trueup')
  reserve(ledger, 'a call', 400, START)
  keepAs(ledger, kept(BUCKET), START + 5_500)
  // Of 1000 that were missing when the log began, 5500 ms before the call, 450 were, and 500 drained since.
  expect(used(ledger, START + 5_500)).toBe(400 + 1000 - 550 - 500)
})

test('fixed windows begin with what the log holds of the one that runs', () => {
  const ledger = fresh('reserve_trueup')
  const boundary = START - (START % PER_MS) + 24_000
  reserve(ledger, 'before', 100, boundary - 1_000)
  reserve(ledger, 'near', 10, boundary - 300)
  reserve(ledger, 'after', 1, boundary + 1_000)
  keepAs(ledger, kept(FIXED), boundary + 1_500)
  expect(used(ledger, boundary + 1_500)).toBe(11)
})

test('room is promised for the first instant at which the learned and the declared kind both have it', () => {
  const check = (script: readonly Step[], at: number, window: LearnedWindow, cost: number) => {
    const ledger = fresh('reserve_trueup')
    let now = START
    for (const [i, { waitMs, amount }] of script.entries()) {
      if (i === at) keepAs(ledger, kept(window), now)
      now += waitMs
      if (admits(ledger, amount, now)) reserve(ledger, `call ${i}`, amount, now)
    }
    const promised = nextAdmissible(ledger, cost, now)
    expect(admits(structuredClone(ledger), cost, promised)).toBe(true)
    if (promised > now) expect(admits(structuredClone(ledger), cost, promised - 1)).toBe(false)
    const demand = { requests: 1, inputTokens: cost, outputTokens: 0 }
    expect(earliestFor(accountOf([ledger]), demand, now).at).toBe(promised)
  }
  const costs = fc.integer({ min: 1, max: 1000 })
  fc.assert(fc.property(steps, fc.nat({ max: 20 }), fc.constantFrom(BUCKET, FIXED), costs, check))
})

test.each([BUCKET, FIXED])('what others used counts once where a limit is kept as $window', (window) => {
  const ledger = fresh('reserve_trueup')
  reserve(ledger, 'own', 20, START)
  settle(ledger, 'own', 20, START)
  postForeign(ledger, 30, START + 8000, START)
  keepAs(ledger, kept(window), START)
  expect(used(ledger, START)).toBe(50)
})
