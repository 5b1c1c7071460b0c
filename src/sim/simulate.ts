import type { Config } from '../config/config.ts'
import { policyOf } from '../config/policy.ts'
import type { Event } from '../core/events.ts'
import { createRandom } from '../core/random.ts'
import type { LlmSpec } from '../core/types.ts'
import { arrivalsOf } from './arrivals.ts'
import { always } from './draw.ts'
import type { ProviderSpec } from './provider.ts'
import { runWorld, type TerminalType } from './run.ts'
import { createTally, type LlmTally, type Times } from './tally.ts'
import { truthOf } from './truth.ts'
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
  /** Told now and then how much virtual time has passed, in ms. */
  progress?(elapsedMs: number): void
  /** Told of every event. */
  event?(event: Event): void
}

export interface Quantiles {
  readonly p50_ms: number
  readonly p95_ms: number
  readonly p99_ms: number
}

/** What came of a workload under a configuration. */
export interface Figures {
  readonly elapsed_ms: number
  /** From the first arrival to the last end of a request. */
  readonly makespan_ms: number
  readonly requests: number
  readonly completed: number
  readonly failed: number
  readonly rejected: number
  readonly expired: number
  readonly abandoned: number
  /** Of what was answered. */
  readonly wait: Quantiles
  readonly answer: Quantiles
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cost_usd: number
  readonly rate_limited: number
  readonly llms: readonly LlmFigures[]
}

export interface LlmFigures {
  readonly llm: string
  readonly requests: number
  /** Its part of all that was answered, 0 to 1. */
  readonly share: number
  readonly tokens: number
  readonly cost_usd: number
  readonly rate_limited: number
  /** The limits that left no room while requests waited, the longest first. */
  readonly bound: readonly { readonly limit: string; readonly ms: number }[]
}

/** Runs a workload against providers that enforce just what the configuration declares. */
export function simulate(options: SimulateOptions): Figures {
  const { config, workload, seed, forMs, progress } = options
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
      ...(options.event ? [{ event: options.event }] : []),
      {
        turn({ clock, start }) {
          if (++steps % STEPS_PER_REPORT === 0) progress?.(clock.now() - start)
        },
      },
    ],
  })
  const ended = (type: TerminalType) => tally.ended.get(type) ?? 0
  const llms = tally.llms.map((llm) => figuresOf(llm, ended('request.completed')))
  const sum = (of: (llm: LlmTally) => number) => tally.llms.reduce((total, llm) => total + of(llm), 0)
  return {
    elapsed_ms: counters.elapsedMs,
    makespan_ms: tally.makespanMs,
    requests: tally.requests,
    completed: ended('request.completed'),
    failed: ended('request.failed'),
    rejected: ended('request.rejected'),
    expired: ended('request.expired'),
    abandoned: ended('request.abandoned'),
    wait: quantilesOf(tally.waits),
    answer: quantilesOf(tally.answers),
    input_tokens: sum(({ inputTokens }) => inputTokens),
    output_tokens: sum(({ outputTokens }) => outputTokens),
    cost_usd: sum(({ costNanoUsd }) => costNanoUsd) / 1e9,
    rate_limited: sum(({ rateLimited }) => rateLimited),
    llms,
  }
}

/** The truth is what is declared; how fast an LLM is, the workload says. */
function providerOf(spec: LlmSpec, { workload, seed, exact = false }: SimulateOptions): ProviderSpec {
  const assumed = workload.llms[spec.group] ?? { first_byte: 600, tokens_per_second: 80 }
  const firstByteMs = spec.simulated?.latencyMs ?? assumed.first_byte
  const random = createRandom(seed, `truth of ${spec.name}`)
  return {
    llm: spec.name,
    limits: spec.limits.map((limit) => truthOf(limit, random)),
    latencyMs: exact
      ? always(firstByteMs)
      : { least: Math.ceil(firstByteMs / 2), mean: firstByteMs, most: 5 * firstByteMs },
    tokensPerSecond: spec.simulated?.tokensPerSecond ?? assumed.tokens_per_second,
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

function figuresOf(tally: LlmTally, completed: number): LlmFigures {
  const bound = [...tally.boundMs].map(([limit, ms]) => ({ limit, ms })).filter(({ ms }) => ms > 0)
  return {
    llm: tally.llm,
    requests: tally.completed,
    share: completed === 0 ? 0 : tally.completed / completed,
    tokens: tally.inputTokens + tally.outputTokens,
    cost_usd: tally.costNanoUsd / 1e9,
    rate_limited: tally.rateLimited,
    bound: bound.sort((a, b) => b.ms - a.ms),
  }
}

function quantilesOf(times: Times): Quantiles {
  return { p50_ms: times.quantile(500), p95_ms: times.quantile(950), p99_ms: times.quantile(990) }
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
