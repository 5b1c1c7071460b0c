import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blockOf, createAccount, fits, reserveAll, settleAll } from '../../src/core/limits/account.ts'
import { dayOf } from '../../src/core/limits/held-back.ts'
import { bookedSince } from '../../src/core/limits/ledger.ts'
import {
  allowanceAt,
  headStartOf,
  type Profile,
  pacedOf,
  profileOf,
  STEP_MS,
} from '../../src/core/limits/pacing.ts'
import type { Limit } from '../../src/core/types.ts'
import { limit } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'

const RUNS = Number(process.env.LLB_TEST_RUNS ?? 100)
const DAY_MS = 86_400_000

const profiles: fc.Arbitrary<Profile> = fc
  .array(fc.nat({ max: 500 }), { minLength: 24, maxLength: 24 })
  .map((counts) => profileOf(counts))

const windows: fc.Arbitrary<Partial<Limit>> = fc.constantFrom(
  { window: 'sliding' },
  { window: 'universal' },
  { window: 'fixed', phaseMs: 5 * 3_600_000 },
  { window: 'calendar', timeZone: 'UTC' },
  { window: 'calendar', timeZone: 'America/Los_Angeles' },
)
const limits = fc
  .record({ amount: fc.integer({ min: 1, max: 200 }), rest: windows })
  .map(({ amount, rest }) => limit('tokens', amount, DAY_MS, 'tokens_per_day', { ...rest, pace: true }))

const steps = fc.array(
  fc.record({
    waitMs: fc.nat({ max: 5_000_000 }),
    rank: fc.nat({ max: 2 }),
    tokens: fc.integer({ min: 1, max: 30 }),
    ends: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60 },
)
type Steps = typeof steps extends fc.Arbitrary<infer T> ? T : never

const costOf = (inputTokens: number) => ({ inputTokens, outputTokens: 0 })

/** Lets in what fits and tells what the day had taken before and has now. */
function play(
  one: Limit,
  profile: Profile,
  script: Steps,
  look: (rank: number, now: number, before: number, after: number) => void = () => {},
) {
  const account = createAccount([one])
  const ledger = account.ledgers[0]!
  ledger.profile = profile
  let now = START
  for (const [i, { waitMs, rank, tokens, ends }] of script.entries()) {
    now += waitMs
    if (!fits(account, costOf(tokens), now, rank)) continue
    const day = dayOf(one, now)
    const before = bookedSince(ledger, day.start)
    reserveAll(account, `${i}`, costOf(tokens), now)
    look(rank, now, before, bookedSince(ledger, day.start))
    if (ends) settleAll(account, `${i}`, costOf(tokens), true, now)
  }
  return { account, now }
}

test('an allowance never falls within its day, begins with a head start and ends with all but the reserve', () => {
  const check = (profile: Profile, amount: number, startHour: number, hours: number) => {
    const day = { start: START + startHour * STEP_MS, end: START + startHour * STEP_MS + hours * 3_600_000 }
    const at = (step: number) => allowanceAt(amount, profile, day, day.start + step * STEP_MS)
    const curve = Array.from({ length: hours * 4 }, (_, step) => at(step))
    expect(curve).toEqual(curve.toSorted((a, b) => a - b))
    expect(curve[0]).toBeGreaterThanOrEqual(Math.min(headStartOf(amount), pacedOf(amount)))
    expect(curve.at(-1)).toBe(pacedOf(amount))
    expect(curve.every(Number.isSafeInteger)).toBe(true)
  }
  const hours = fc.constantFrom(23, 24, 25, 31 * 24)
  fc.assert(fc.property(profiles, fc.integer({ min: 1, max: 1e12 }), fc.nat({ max: 96 }), hours, check), {
    numRuns: RUNS,
  })
})

test('what is paced never exceeds the allowance of its day, but for the first call of a day', () => {
  const check = (one: Limit, profile: Profile, script: Steps) => {
    play(one, profile, script, (rank, now, before, after) => {
      if (rank === 0 || before === 0) return
      expect(after).toBeLessThanOrEqual(allowanceAt(one.amount, profile, dayOf(one, now), now))
    })
  }
  fc.assert(fc.property(limits, profiles, steps, check), { numRuns: RUNS })
})

test('no request waits longer than the step at which there is allowance, to the millisecond', () => {
  const check = (one: Limit, profile: Profile, script: Steps, tokens: number, looks: number[]) => {
    const { account, now } = play(one, profile, script)
    const cost = costOf(tokens)
    const until = blockOf(account, cost, now, 1)?.until ?? now
    const end = until === Number.POSITIVE_INFINITY ? now + 4 * DAY_MS : until
    // All steps before, in order, and the ms right before: a ledger lets go of what is over.
    const between = looks.map((part) => now + Math.floor(((end - now) * part) / 1000))
    const starts = Array.from(
      { length: Math.floor((end - now) / STEP_MS) },
      (_, i) => now - (now % STEP_MS) + (i + 1) * STEP_MS,
    )
    const before = [...between, ...starts, end - 1].filter((at) => at >= now && at < end)
    for (const at of before.toSorted((a, b) => a - b)) expect(fits(account, cost, at, 1)).toBe(false)
    if (until < Number.POSITIVE_INFINITY) expect(fits(account, cost, until, 1)).toBe(true)
  }
  const looks = fc.array(fc.nat({ max: 999 }), { maxLength: 20 })
  fc.assert(fc.property(limits, profiles, steps, fc.integer({ min: 1, max: 60 }), looks, check), {
    numRuns: RUNS,
  })
})

test('all but the reserve can be used by the end of the day, and the reserve by high priority at any time', () => {
  const check = (one: Limit, profile: Profile) => {
    const account = createAccount([one])
    account.ledgers[0]!.profile = profile
    const { start, end } = dayOf(one, dayOf(one, START).end)
    let served = 0
    for (let at = start + one.guardMs; at < end; at += STEP_MS) {
      while (fits(account, costOf(1), at, 1)) reserveAll(account, `${served++}`, costOf(1), at)
    }
    expect(served).toBe(Math.max(1, pacedOf(one.amount)))
    while (fits(account, costOf(1), end - 1, 0)) reserveAll(account, `${served++}`, costOf(1), end - 1)
    expect(served).toBe(one.amount)
  }
  fc.assert(fc.property(limits, profiles, check), { numRuns: RUNS })
})
