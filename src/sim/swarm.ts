import type { Policy } from '../core/dispatch-state.ts'
import { createRandom, type Random } from '../core/random.ts'
import { type LlmSpec, PRIORITIES } from '../core/types.ts'
import type { Pattern, Source } from './arrivals.ts'
import { between, chance, pick } from './draw.ts'
import type { ProviderSpec } from './provider.ts'
import { drawProvider } from './swarm-providers.ts'
import { declared, undeclared } from './truth.ts'
import type { WorldSetup } from './world.ts'

/**
 * What can be in a world. Each is on or off by the seed (swarm testing): features that are always on together hide
 * what one of them does alone.
 */
export const FEATURES = [
  'jitter',
  'headers',
  'tenants',
  'faults',
  'crashes',
  'clock jumps',
  'leaving clients',
  'streams',
  'miscounting',
  'odd windows',
  'days',
  'silent usage',
  'small queue',
  'short waits',
  'several clients',
  'names',
  'unbounded answers',
] as const
export type Feature = (typeof FEATURES)[number]

/** A world drawn from a seed. */
export interface Swarm {
  readonly seed: number
  readonly on: ReadonlySet<Feature>
  readonly policy: Policy
  readonly providers: readonly ProviderSpec[]
  readonly sources: readonly Source[]
  readonly crashes: NonNullable<WorldSetup['crashes']>
  readonly jumps: NonNullable<WorldSetup['jumps']>
  /** When everything that goes wrong is over, in ms since the start. */
  readonly healMs: number
}

/** The longest that windows and answers of a drawn world take, days excepted. */
const FIRST_BYTE_TIMEOUT_MS = 3000
const IDLE_TIMEOUT_MS = 2000

export function drawSwarm(seed: number): Swarm {
  const random = createRandom(seed, 'swarm')
  const on = new Set(FEATURES.filter(() => chance(500, random)))
  const healMs = between(3, 15, random) * 1000
  const names = Array.from({ length: between(1, 3, random) }, (_, i) => `L${i}`)
  const providers = names.map((llm) => drawProvider(llm, { on, random: random.fork(llm), healMs }))
  const specs = providers.map((provider) => drawSpec(provider, random))
  const small = on.has('small queue')
  return {
    seed,
    on,
    providers,
    healMs,
    policy: {
      specs,
      rules: [],
      weights: pick(WEIGHTS, random),
      maxRequests: small ? between(1, 6, random) : 1000,
      maxBytes: small && chance(500, random) ? between(200, 2000, random) : 1_000_000,
      maxRequestsPerClient: small && chance(500, random) ? between(1, 6, random) : 1000,
      maxBytesPerClient: 1_000_000,
      clientWeights: { a: 1, b: between(1, 4, random) },
      maxAttempts: between(1, 3, random),
      earlyRefusal: 'on',
    },
    sources: drawSources(on, healMs, names, random),
    crashes: on.has('crashes') ? drawCrashes(random, healMs) : [],
    jumps: on.has('clock jumps')
      ? [{ atMs: random.integer(healMs), byMs: between(-86_400_000, 86_400_000, random) }]
      : [],
  }
}

const WEIGHTS = [
  { cost: 0.5, quality: 0.5, speed: 0 },
  { cost: 0, quality: 0, speed: 1 },
  { cost: 1, quality: 0, speed: 0 },
]

function drawSpec({ llm, limits }: ProviderSpec, random: Random): LlmSpec {
  return {
    name: llm,
    group: llm,
    apiType: 'openai',
    model: `model-of-${llm}`,
    baseUrl: '',
    keyName: null,
    contextLength: between(100, 2000, random),
    modes: ['text'],
    limits: limits.map(declared).map(undeclared),
    inputPicoUsd: random.integer(5),
    outputPicoUsd: random.integer(5),
    quality: random.integer(1001),
    firstByteTimeoutMs: FIRST_BYTE_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    simulated: null,
    strict: true,
  }
}

function drawSources(
  on: ReadonlySet<Feature>,
  healMs: number,
  names: readonly string[],
  random: Random,
): Source[] {
  const count = on.has('several clients') ? 3 : 1
  return Array.from({ length: count }, (_, i) => ({
    pattern: drawPattern(Math.ceil(30 / count), healMs, random),
    client: `client-${i}`,
    model: on.has('names') ? pick([...names, 'auto', 'nowhere'], random) : 'auto',
    priority: pick(PRIORITIES, random),
    stream: on.has('streams') && chance(700, random),
    maxWaitMs: on.has('short waits') ? pick([0, 500, 3000], random) : between(5, 60, random) * 1000,
    inputTokens: { least: 1, mean: between(5, 60, random), most: 150 },
    answerTokens: { least: 1, mean: between(5, 60, random), most: 150 },
    bound: on.has('unbounded answers') ? pick([null, 100, 'exact'], random) : pick([100, 'exact'], random),
    cachedPermille: random.integer(1001),
    leaving: on.has('leaving clients')
      ? { permille: 300, afterMs: { least: 0, mean: 800, most: 5000 } }
      : null,
  }))
}

/** About `requests` of them until `endMs`. */
function drawPattern(requests: number, endMs: number, random: Random): Pattern {
  const perHour = Math.ceil((requests * 3_600_000) / endMs)
  return pick<Pattern>(
    [
      { kind: 'burst', requests, atMs: 0, everyMs: null },
      { kind: 'burst', requests: Math.ceil(requests / 3), atMs: 100, everyMs: Math.ceil(endMs / 3) },
      { kind: 'steady', perHour },
      { kind: 'random', perHour },
      { kind: 'on_off', perHour: perHour * 3, onMs: 500, offMs: 1000 },
    ],
    random,
  )
}

function drawCrashes(random: Random, healMs: number): { atMs: number; downMs: number }[] {
  const times = Array.from({ length: between(1, 2, random) }, () => random.integer(healMs))
  return times.toSorted((a, b) => a - b).map((atMs) => ({ atMs, downMs: between(0, 2000, random) }))
}

/** A drawn world in one line, for people. */
export function describeSwarm({ on, providers, policy, healMs }: Swarm): string {
  const llms = providers.map(({ llm, limits }) => {
    const words = limits.map(
      ({ name, amount, counting, charge, promised, unit }) =>
        `${amount} ${name}${unit === 'concurrency' ? '' : ` ${counting.kind}`}${unit.endsWith('tokens') ? ` ${charge}` : ''}${promised ? '' : ' (not promised)'}`,
    )
    return `${llm} [${words.join(', ')}]`
  })
  const queue = `queue ${policy.maxRequests}, attempts ${policy.maxAttempts}`
  return `${[...on].join(', ') || 'no features'}; ${llms.join(' ')}; ${queue}; heals after ${healMs} ms`
}
