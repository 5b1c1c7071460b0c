import { partOf } from '../../src/config/limits.ts'
import { CHARGES } from '../../src/core/limits/charge.ts'
import type { ChargeRule, Limit, Unit } from '../../src/core/types.ts'
import { MONTH_MS } from '../../src/core/limits/windows/calendar.ts'
import type { Counting } from '../../src/sim/meter.ts'
import type { Charge, TrueLimit } from '../../src/sim/quota.ts'
import { declared } from '../../src/sim/truth.ts'

/** Travel times differ by this much. */
export const GUARD_MS = 500
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const AMOUNT = 600
const PLACES = 10
const PHASE_MS = 12_345

/** Tokens of each request: its prompt, what the provider has of that in its cache, its bound, and its answer. */
export const TOKENS = { input: 6, cached: 2, bound: 6, answer: 4 }

/** One limit as its provider enforces it, as it is declared, and what the rule that is kept here allows of it. */
export interface Case {
  readonly name: string
  readonly truth: TrueLimit
  /** The limit as declared, and for a provider that breaks it down one more. */
  readonly limits: readonly Limit[]
  /** Requests in each stretch of `countsMs`, apart from the time that calls take. */
  readonly requests: number
  readonly countsMs: number
  /** Whether what a request takes counts from the end of its call on, not from the beginning. */
  readonly held: boolean
  /** Whether room comes back bit by bit, not a window at a time. */
  readonly flows: boolean
}

interface Rule {
  readonly counting: Counting
  /** On top of how this way of counting is usually declared. */
  readonly declared?: Partial<Limit>
  readonly unit?: Unit
  readonly charge?: Charge
  readonly perMs?: number
  readonly amount?: number
}

function caseOf(name: string, rule: Rule, allowed: Partial<Case> = {}): Case {
  const { counting, unit = 'requests', charge = 'reserve_trueup', perMs = MINUTE_MS } = rule
  const { amount = AMOUNT } = rule
  const truth: TrueLimit = { name: unit, unit, amount, perMs, counting, charge, promised: true }
  const flows = counting.kind === 'bucket' || counting.kind === 'counter'
  const countsMs = counting.kind === 'bucket' ? perMs : perMs + GUARD_MS
  const limits = [{ ...declared(truth), ...rule.declared }]
  return { name, truth, limits, requests: amount, countsMs, held: false, flows, ...allowed }
}

const FIXED: Counting = { kind: 'fixed', phaseMs: PHASE_MS }
const SLIDING: Counting = { kind: 'sliding' }
const BUCKET: Counting = { kind: 'bucket', capacity: AMOUNT }
const UNIVERSAL = { window: 'universal', burst: null } as const

/** What `universal` sustains: one request less in each window than a log does. */
const universalMs = ((MINUTE_MS + GUARD_MS) * AMOUNT) / (AMOUNT - 1)

function universal(counting: Counting): Case {
  const rule = { counting, declared: UNIVERSAL }
  return caseOf(`universal, before ${counting.kind}`, rule, { countsMs: universalMs, flows: true })
}

/** The provider lets each quantum have its share alone; the shorter window is what binds. */
function quantised(name: string, quantumMs: number): Case {
  const whole = caseOf(name, { counting: { kind: 'quantised', sliceMs: quantumMs, phaseMs: 345 } })
  const limits = [...whole.limits, partOf(whole.limits[0]!, quantumMs)]
  return { ...whole, limits, requests: (AMOUNT * quantumMs) / MINUTE_MS, countsMs: quantumMs + GUARD_MS }
}

/** A day or a month of a zone; `meanMs` is how long one is on average. */
function calendar(period: 'day' | 'month', perMs: number, meanMs: number): Case {
  const counting = { kind: 'calendar', zone: 'America/Los_Angeles', period } as const
  return caseOf(`calendar ${period}`, { counting, perMs }, { countsMs: meanMs })
}

/** Places are taken until the call has ended. */
const concurrency = caseOf(
  'concurrency',
  { counting: SLIDING, unit: 'concurrency', perMs: 0, amount: PLACES },
  { countsMs: 0, held: true, flows: true },
)

/** What of a request counts against a limit while it is under way, and what still does when it is over. */
function sizesOf(rule: ChargeRule, unit: Unit): { readonly during: number; readonly after: number } {
  const { input, cached, bound, answer } = TOKENS
  const { bound: setsAside, refunds, cachedFree } = CHARGES[rule]
  const prompt = unit === 'output_tokens' ? 0 : input
  const answering = (tokens: number) => (unit === 'input_tokens' ? 0 : tokens)
  // All answers being alike, the likely answer is the real one.
  const during = prompt + answering(setsAside ? bound : answer)
  const after = prompt - (cachedFree ? cached : 0) + answering(answer)
  return { during, after: refunds ? after : during }
}

/** Tokens that the provider charges by one rule, declared with that rule or as `unknown`. */
function tokens(charge: Charge, counting: Counting, unit: Unit = 'tokens', rule: ChargeRule = charge): Case {
  const name = `${unit}, ${rule}, ${rule === charge ? counting.kind : `before ${charge}`}`
  const isBucket = counting.kind === 'bucket'
  const { during, after } = sizesOf(rule, unit)
  // The last one of a window needs room for all that it sets aside.
  const requests = isBucket ? AMOUNT / after : Math.floor((AMOUNT - during) / after) + 1
  const allowed = { requests, held: CHARGES[rule].booked === 'end' && !isBucket }
  return caseOf(name, { counting, unit, charge, declared: { charge: rule } }, allowed)
}

/** One line for each kind of limit that can be declared, and each way of counting that it is declared for. */
export const CASES: readonly Case[] = [
  caseOf('fixed', { counting: FIXED }),
  caseOf(
    'fixed, phase declared',
    { counting: FIXED, declared: { phaseMs: PHASE_MS } },
    { countsMs: MINUTE_MS },
  ),
  caseOf('fixed, before anchored', { counting: { kind: 'anchored' } }),
  caseOf('sliding', { counting: SLIDING }),
  caseOf('bucket', { counting: BUCKET }),
  caseOf('small bucket', { counting: { kind: 'bucket', capacity: AMOUNT / 10 } }),
  calendar('day', DAY_MS, DAY_MS),
  calendar('month', MONTH_MS, 30.436875 * DAY_MS),
  ...[FIXED, SLIDING, BUCKET, { kind: 'counter', phaseMs: PHASE_MS } as const].map(universal),
  quantised('in parts of 10 s', 10_000),
  quantised('in parts of 1 s', 1_000),
  concurrency,
  ...[SLIDING, FIXED, BUCKET].flatMap((counting) => [
    ...(['reserve_no_refund', 'reserve_trueup', 'actual_at_end', 'actual_as_produced'] as const).map(
      (charge) => tokens(charge, counting),
    ),
    tokens('input_uncached_only', counting, 'input_tokens'),
  ]),
  tokens('reserve_trueup', SLIDING, 'output_tokens'),
  ...(['reserve_trueup', 'actual_at_end', 'actual_as_produced'] as const).map((charge) =>
    tokens(charge, SLIDING, 'tokens', 'unknown'),
  ),
]
