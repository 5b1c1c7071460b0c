import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAccount, reserveAll, settleAll } from '../../src/core/limits/account.ts'
import { used } from '../../src/core/limits/ledger.ts'
import { CHARGE_RULES, type ChargeRule } from '../../src/core/types.ts'
import { limit } from '../support/llms.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 300)
const START = 1_700_000_000_000
const [W, GUARD] = [1000, 100]

/** A call as both sides see it. Times are ms from the call before it or from its own start. */
interface Call {
  readonly gapMs: number
  readonly runsMs: number
  readonly input: number
  /** The client's bound, which is set aside; no answer is longer. */
  readonly bound: number
  readonly output: number
  readonly cached: number
  /** How long it travels, as a share of the guard. */
  readonly late: number
  readonly turnedAway: boolean
}

const calls = fc.array(
  fc
    .record({
      gapMs: fc.nat({ max: 500 }),
      runsMs: fc.nat({ max: 3000 }),
      input: fc.integer({ min: 1, max: 50 }),
      bound: fc.integer({ min: 1, max: 50 }),
      shares: fc.tuple(fc.constantFrom(0, 0.4, 1), fc.constantFrom(0, 0.6, 1)),
      late: fc.constantFrom(0, 0.5, 1),
      turnedAway: fc.boolean(),
    })
    .map(({ shares: [output, cached], ...call }) => ({
      ...call,
      output: Math.round(call.bound * output),
      cached: Math.round(call.input * cached),
      turnedAway: call.turnedAway && call.gapMs % 4 === 0,
    })),
  { minLength: 1, maxLength: 25 },
)

interface Timed extends Call {
  readonly start: number
  readonly end: number
}

/** What a provider has booked of a call by `at`, and when. */
type Bookings = (call: Timed, at: number) => { at: number; amount: number }[]

/** When it reaches the provider; the answer is complete there before it is here. */
const arrival = ({ start, late }: Timed) => start + late * GUARD
const whole = ({ input, output }: Timed) => input + output

/** Providers, each with books of its own. */
const PROVIDERS: Record<Exclude<ChargeRule, 'unknown'>, Bookings> = {
  reserve_no_refund: (call) => [{ at: arrival(call), amount: call.input + call.bound }],
  reserve_trueup: (call, at) => [
    { at: arrival(call), amount: at < call.end ? call.input + call.bound : whole(call) },
  ],
  actual_at_end: (call) => [{ at: call.end, amount: whole(call) }],
  actual_as_produced: (call) => [
    { at: arrival(call), amount: call.input },
    ...Array.from({ length: call.output }, (_, i) => {
      const began = Math.min(arrival(call), call.end)
      return { at: began + ((call.end - began) * (i + 1)) / call.output, amount: 1 }
    }),
  ],
  input_uncached_only: (call, at) => [
    { at: arrival(call), amount: at < call.end ? call.input : call.input - call.cached },
  ],
}

/** What a provider's sliding window holds at `at`. */
function countedAt(provider: Bookings, all: readonly Timed[], at: number): number {
  const booked = all.filter(({ turnedAway }) => !turnedAway).flatMap((call) => provider(call, at))
  return booked
    .filter((booking) => booking.at <= at && booking.at > at - W)
    .reduce((sum, { amount }) => sum + amount, 0)
}

function timed(script: readonly Call[]): Timed[] {
  let start = START
  return script.map((call) => {
    start += call.gapMs
    return { ...call, start, end: start + Math.max(call.runsMs, GUARD) }
  })
}

/** At every instant at which something happens on either side, the ledger is at or above the provider's. */
function neverBelow(rule: ChargeRule, provider: Bookings, script: readonly Call[]): void {
  const all = timed(script)
  const unit = rule === 'input_uncached_only' ? 'input_tokens' : 'tokens'
  const account = createAccount([limit(unit, 1_000_000, W, 'limit', { charge: rule, guardMs: GUARD })])
  const happenings = all.flatMap((call, i) => [
    { at: call.start, does: () => reserveAll(account, String(i), reserved(call), call.start) },
    { at: call.end, does: () => settleAll(account, String(i), actual(call), true, call.end) },
    ...[0, 1].flatMap((ms) =>
      provider(call, call.end).map(({ at }) => ({ at: Math.ceil(at) + ms * W, does() {} })),
    ),
    ...[0, W - 1, W, W + GUARD - 1].map((ms) => ({ at: call.end + ms, does() {} })),
  ])
  const inOrder = happenings.toSorted((a, b) => a.at - b.at)
  for (const [i, { at, does }] of inOrder.entries()) {
    does()
    if (inOrder[i + 1]?.at === at) continue
    const begun = all.filter(({ start }) => start <= at)
    expect(used(account.ledgers[0]!, at)).toBeGreaterThanOrEqual(countedAt(provider, begun, at))
  }
}

const reserved = ({ input, bound }: Timed) => ({ inputTokens: input, outputTokens: bound })
const actual = ({ input, output, cached, turnedAway }: Timed) =>
  turnedAway
    ? { inputTokens: 0, outputTokens: 0 }
    : { inputTokens: input, outputTokens: output, cachedTokens: cached }

describe('the ledger is never below that of a provider', () => {
  test.each(Object.entries(PROVIDERS))('that charges by %s, where the rule says so', (rule, provider) => {
    const check = (script: Call[]) => neverBelow(rule as ChargeRule, provider, script)
    fc.assert(fc.property(calls, check), { numRuns })
  })

  const refunding = Object.entries(PROVIDERS).filter(([rule]) => rule !== 'reserve_no_refund')
  test.each(refunding)('that charges by %s, where the rule is unknown', (_, provider) => {
    fc.assert(
      fc.property(calls, (script) => neverBelow('unknown', provider, script)),
      { numRuns },
    )
  })

  test('of which each of these rules is needed: another one falls short', () => {
    const short: Call = {
      ...{ gapMs: 0, runsMs: 500, input: 10, bound: 40, output: 20, cached: 5, late: 1, turnedAway: false },
    }
    const long = { ...short, runsMs: 3000 }
    const falls = (rule: ChargeRule, provider: Bookings, call = long) =>
      expect(() => neverBelow(rule, provider, [call]), rule).toThrow()
    for (const rule of CHARGE_RULES)
      if (rule !== 'reserve_no_refund') falls(rule, PROVIDERS.reserve_no_refund, short)
    for (const rule of ['reserve_trueup', 'input_uncached_only'] as const)
      falls(rule, PROVIDERS.actual_at_end)
    falls('reserve_trueup', PROVIDERS.actual_as_produced)
  })
})

describe('a call that has ended is charged', () => {
  const charged = (
    rule: ChargeRule,
    usage: object,
    unit: 'tokens' | 'input_tokens' | 'output_tokens' = 'tokens',
  ) => {
    const account = createAccount([limit(unit, 1000, W, 'limit', { charge: rule })])
    reserveAll(account, 'a', { inputTokens: 100, outputTokens: 50 }, START)
    settleAll(account, 'a', { inputTokens: 80, outputTokens: 20, ...usage }, true, START + 10)
    return used(account.ledgers[0]!, START + 10)
  }

  test('what it really cost, but for a provider that gives nothing back', () => {
    expect(CHARGE_RULES.map((rule) => charged(rule, {}))).toEqual([150, 100, 100, 100, 100, 100])
    expect(charged('reserve_no_refund', { outputTokens: 90 })).toBe(170)
    expect(charged('reserve_no_refund', { outputTokens: 0 }, 'output_tokens')).toBe(50)
  })

  test('nothing for what the provider had cached, where it counts the rest only', () => {
    const cached = { cachedTokens: 30 }
    expect(charged('input_uncached_only', cached)).toBe(70)
    expect(charged('input_uncached_only', cached, 'input_tokens')).toBe(50)
    expect(charged('input_uncached_only', cached, 'output_tokens')).toBe(20)
    expect(charged('input_uncached_only', { cachedTokens: 500 }, 'input_tokens')).toBe(0)
    expect(charged('reserve_trueup', cached)).toBe(100)
  })

  test('nothing at all when it was turned away', () => {
    for (const rule of CHARGE_RULES) expect(charged(rule, { inputTokens: 0, outputTokens: 0 })).toBe(0)
  })
})
