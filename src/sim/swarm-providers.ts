import type { Random } from '../core/random.ts'
import type { Unit } from '../core/types.ts'
import { between, chance, pick } from './draw.ts'
import { FAULTS, type FaultPeriod, HINTS } from './faults.ts'
import type { HeaderTruth } from './headers.ts'
import type { Counting } from './meter.ts'
import type { ProviderSpec } from './provider.ts'
import { CHARGES, type TrueLimit } from './quota.ts'
import type { Feature } from './swarm.ts'
import { isPromised } from './truth.ts'

/** The guard between two calls that the balancer keeps, in ms; travel times may differ by all of it. */
const JITTER_MS = 500

export interface Draft {
  readonly on: ReadonlySet<Feature>
  readonly random: Random
  /** When everything that goes wrong is over, in ms since the start. */
  readonly healMs: number
}

/** The truth about one LLM; what is drawn depends on the features that are on. */
export function drawProvider(llm: string, { on, random, healMs }: Draft): ProviderSpec {
  const bounded = !on.has('unbounded answers')
  const exact = !on.has('miscounting') || chance(500, random)
  const tenant = on.has('tenants') && chance(500, random) ? drawTenant(random, healMs) : null
  const known = (unit: Unit) =>
    unit === 'concurrency' || (tenant === null && (unit === 'requests' || (exact && bounded)))
  const limits = drawLimits(on, random).map((limit) => ({
    ...limit,
    promised: limit.promised && known(limit.unit),
  }))
  return {
    llm,
    limits,
    latencyMs: { least: between(1, 200, random), mean: 400, most: 1000 },
    tokensPerSecond: between(50, 500, random),
    network: {
      leastMs: between(0, 50, random),
      jitterMs: on.has('jitter') ? random.integer(JITTER_MS + 1) : 0,
    },
    headers: on.has('headers') ? drawHeaders(random) : { kind: 'missing' },
    periods: chance(500, random),
    hint: pick(HINTS, random),
    countsRefused: chance(300, random),
    reportsUsage: !on.has('silent usage') || chance(500, random),
    countPermille: exact ? 1000 : between(500, 2000, random),
    overheadTokens: exact ? 0 : random.integer(20),
    tenant,
    faults: on.has('faults') ? drawFaults(random, healMs) : [],
  }
}

const UNITS_AND_MOST: readonly (readonly [Unit, number, number])[] = [
  ['requests', 1, 10],
  ['tokens', 100, 1000],
  ['input_tokens', 60, 500],
  ['output_tokens', 60, 500],
  ['concurrency', 1, 4],
]

/** Limits of which the balancer is assumed to know what is used. */
function drawLimits(on: ReadonlySet<Feature>, random: Random): TrueLimit[] {
  return UNITS_AND_MOST.flatMap(([unit, least, most]) => {
    if (!chance(unit === 'requests' ? 700 : 350, random)) return []
    const amount = between(least, most, random)
    const { perMs, counting } = unit === 'concurrency' ? AT_ONCE : drawCounting(amount, on, random)
    const name = perMs === 0 ? unit : `${unit}_per_${perMs}ms`
    const limit = { name, unit, amount, perMs, counting, charge: pick(CHARGES, random) }
    return [{ ...limit, promised: isPromised(limit) }]
  })
}

type Window = Pick<TrueLimit, 'perMs' | 'counting'>

/** Concurrency has no window. */
const AT_ONCE: Window = { perMs: 0, counting: { kind: 'sliding' } }

function drawCounting(amount: number, on: ReadonlySet<Feature>, random: Random): Window {
  const perMs = between(5, 60, random) * 100
  const phaseMs = random.integer(perMs)
  if (on.has('days') && chance(300, random)) {
    const zone = pick(['UTC', 'America/Los_Angeles', 'Asia/Kolkata'], random)
    return { perMs: 86_400_000, counting: { kind: 'calendar', zone, period: 'day' } }
  }
  const plain: readonly Counting[] = [
    { kind: 'fixed', phaseMs },
    { kind: 'anchored' },
    { kind: 'sliding' },
    { kind: 'bucket', capacity: amount },
  ]
  const odd: readonly Counting[] = [
    { kind: 'counter', phaseMs },
    { kind: 'quantised', sliceMs: Math.ceil(perMs / 4), phaseMs },
    { kind: 'bucket', capacity: Math.ceil(amount / 2) },
  ]
  return { perMs, counting: pick(on.has('odd windows') && chance(300, random) ? odd : plain, random) }
}

function drawTenant(random: Random, untilMs: number): NonNullable<ProviderSpec['tenant']> {
  const offMs = chance(500, random) ? 0 : between(500, 3000, random)
  return {
    everyMs: between(100, 2000, random),
    tokens: between(1, 100, random),
    onMs: 1000,
    offMs,
    untilMs,
  }
}

function drawHeaders(random: Random): HeaderTruth {
  return pick<HeaderTruth>(
    [
      { kind: 'honest' },
      { kind: 'honest' },
      { kind: 'missing' },
      { kind: 'scaled', permille: between(100, 3000, random) },
      { kind: 'stale', byMs: between(500, 5000, random) },
    ],
    random,
  )
}

function drawFaults(random: Random, healMs: number): FaultPeriod[] {
  return Array.from({ length: random.integer(3) }, () => {
    const fromMs = random.integer(healMs)
    const toMs = Math.min(healMs, fromMs + between(200, healMs, random))
    // A rejected key takes its LLM out for good, so it is seldom.
    const fault = pick(chance(600, random) ? FAULTS.filter((one) => one !== 'unauthorized') : FAULTS, random)
    return { fault, fromMs, toMs, permille: pick([100, 500, 1000], random) }
  })
}
