import type { Config } from '../config/config.ts'
import { policyOf } from '../config/policy.ts'
import type { Event } from '../core/events.ts'
import { createRandom } from '../core/random.ts'
import type { LlmSpec } from '../core/types.ts'
import { arrivalsOf } from './arrivals.ts'
import { always } from './draw.ts'
import type { ProviderSpec } from './provider.ts'
import { runWorld } from './run.ts'
import { createTally } from './tally.ts'
import { type Totals, totalsOf } from './totals.ts'
import { ORDINARY_SPEED, truthOf } from './truth.ts'
import { sourcesOf } from './workload.ts'
import type { RawWorkload } from './workload-schema.ts'

/** Midnight in UTC at the beginning of a week without a change of clocks. */
const START = Date.UTC(2026, 0, 5)
const NETWORK = { leastMs: 20, jitterMs: 100 }
/** Steps between two reports of progress. */
const STEPS_PER_REPORT = 5000

export interface SimulateOptions {
  readonly config: Config
  readonly workload: RawWorkload
  readonly seed: number
  /** How long requests come, in ms; the world goes on until the last of them has ended. */
  readonly forMs: number
  /** Answers begin after just the average time and calls travel without any; false by default. */
  readonly exact?: boolean
  /** Told every event that the balancer records, in order. */
  event?(event: Event): void
  /** Told now and then how much virtual time has passed, in ms. */
  progress?(elapsedMs: number): void
}

/** What came of a workload under a configuration. */
export interface Figures extends Totals {
  readonly elapsed_ms: number
  /** From the first arrival to the last end of a request. */
  readonly makespan_ms: number
}

/** Runs a workload against providers that enforce just what the configuration declares. */
export function simulate(options: SimulateOptions): Figures {
  const { config, workload, seed, forMs, progress, event } = options
  const random = createRandom(seed)
  const { llms: specs } = config
  const tally = createTally(specs.map(({ name }) => name))
  let steps = 0
  const { counters } = runWorld({
    seed,
    policy: policyOf(config),
    config,
    providers: specs.map((spec) => providerOf(spec, options)),
    arrivals: arrivalsOf(sourcesOf(workload, config), random.fork('arrivals'), START, START + forMs),
    start: START,
    observers: [
      tally,
      ...(event === undefined ? [] : [{ event }]),
      {
        turn({ clock, start }) {
          if (++steps % STEPS_PER_REPORT === 0) progress?.(clock.now() - start)
        },
      },
    ],
  })
  return { elapsed_ms: counters.elapsedMs, makespan_ms: tally.makespanMs, ...totalsOf(tally) }
}

/** The truth is what is declared; how fast an LLM is, the workload says. */
function providerOf(spec: LlmSpec, { workload, seed, exact = false }: SimulateOptions): ProviderSpec {
  const told = workload.llms[spec.group]
  const firstByteMs = spec.simulated?.latencyMs ?? told?.first_byte ?? ORDINARY_SPEED.firstByteMs
  const random = createRandom(seed, `truth of ${spec.name}`)
  return {
    llm: spec.name,
    limits: spec.limits.map((limit) => truthOf(limit, random)),
    latencyMs: exact
      ? always(firstByteMs)
      : { least: Math.ceil(firstByteMs / 2), mean: firstByteMs, most: 5 * firstByteMs },
    tokensPerSecond:
      spec.simulated?.tokensPerSecond ?? told?.tokens_per_second ?? ORDINARY_SPEED.tokensPerSecond,
    network: exact ? { leastMs: 0, jitterMs: 0 } : NETWORK,
    headers: { kind: 'missing' },
    periods: true,
    hint: 'seconds',
    countsRefused: false,
    reportsUsage: true,
    countPermille: 1000,
    overheadTokens: 0,
    tenant: null,
    faults: [],
  }
}

/** LLMs, by their names in the configuration, whose limits kept requests waiting: the longest first, at most `most`. */
export function tightest(
  { llms }: Config,
  figures: Figures,
  most: number,
): { readonly group: string; readonly limit: string }[] {
  const byGroup = new Map<string, { group: string; limit: string; ms: number }>()
  for (const [i, { bound }] of figures.llms.entries()) {
    const { group } = llms[i]!
    const first = bound[0]
    if (first === undefined || first.ms <= (byGroup.get(group)?.ms ?? 0)) continue
    byGroup.set(group, { group, ...first })
  }
  const longest = [...byGroup.values()].sort((one, other) => other.ms - one.ms).slice(0, most)
  return longest.map(({ group, limit }) => ({ group, limit }))
}

/** The same configuration with one more key of the same limits for an LLM. */
export function withOneMoreKey(config: Config, group: string): Config {
  const own = config.llms.filter((spec) => spec.group === group)
  const last = config.llms.findLastIndex((spec) => spec.group === group)
  const more = { ...own.at(-1)!, name: `${group}#${own.length + 1}` }
  return { ...config, llms: config.llms.toSpliced(last + 1, 0, more) }
}
