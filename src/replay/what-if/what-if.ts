import type { Started } from '../../config/start.ts'
import type { Event } from '../../core/events.ts'
import type { LogReader, Position } from '../../log/store.ts'
import { inPages } from '../../log/pages.ts'
import { foldBefore } from '../state-at.ts'
import { type OtherPast, pastOf } from './past.ts'
import { createProviders, type Providers } from './providers.ts'
import { createRecording, type RecordedRequest, type Recording } from './recorded.ts'
import { createServices, type Source } from './service.ts'
import { createSideBook, type Side, type SideBook } from './side.ts'
import { EVENTS_PER_REPORT, type Plan, planOf, recordInto } from './span.ts'
import { createTranslation, isSamePolicy, knownIn, type Written } from './translate.ts'
import { openOtherWorld, type OtherWorld, type WorldOptions } from './world.ts'

export interface WhatIfOptions {
  readonly log: LogReader
  /** The other configuration, without secrets, as plain JSON. */
  readonly config: Written
  /** Requests count that came at `from` or later and before `to`, in ms since 1970; all where nothing is said. */
  readonly from?: number
  readonly to?: number
  /** The last event of the log that the other world may follow; all of them where nothing is said. */
  readonly followTo?: number
  /** Told every event of the other world. */
  event?(event: Event): void
  /** Told now and then how many of the events of the span were looked at, each of them twice. */
  progress?(done: number, total: number): void
}

/** Where the times of calls and the lengths of answers are from, in the other world. */
export interface Provenance {
  recorded: number
  /** By the model's speed in the log. */
  measured: number
  /** By what the configuration says of a simulated LLM. */
  configured: number
  /** By the speed of an ordinary LLM. */
  assumed: number
  /** Refused for a limit that the configuration declares. */
  refused: number
  /** Answers that are as long as in the log, and those whose length is the usual one. */
  lengths_recorded: number
  lengths_modelled: number
}

/** A request that ended in another way. */
export interface Change {
  readonly request: string
  readonly at: number
  readonly client: string
  readonly model: string
  readonly from: string
  readonly to: string
}

/** What the requests of a log met, and what they would have met under another configuration. */
export interface WhatIf {
  /** From the first to the last request that counts. */
  readonly from: number
  readonly to: number
  readonly processes: number
  /** Configurations that the log has in the span. */
  readonly configurations: number
  /** Requests that had not ended where the log does; they do not count. */
  readonly unfinished: number
  /** Whether the span begins within a process, whose state at that instant is taken from the log. */
  readonly from_within: boolean
  /** Where the other world went another way for the first time; null where it never did. */
  readonly parted_after: Position | null
  readonly recorded: Side
  readonly other: Side
  readonly provenance: Provenance
  readonly changes: readonly Change[]
}

/** Why there is nothing to compare; the message is for people. */
export class WhatIfError extends Error {
  override readonly name = 'WhatIfError'
}

/**
 * Runs the requests of a log through the load balancer under another configuration. As long as that decides what the
 * log says, it is told all facts of the log at their recorded instants; from then on providers are simulated: see
 * `docs/replay.md`. Reads the span twice. Memory: what is under way, and one record for each request.
 * Throws a WhatIfError where the log has nothing to compare.
 */
export function whatIf(options: WhatIfOptions): WhatIf {
  const { log, config, from = 0, to = Number.POSITIVE_INFINITY, progress = () => {} } = options
  const span = { from, to }
  const plan = planOf(log, config, span)
  if (typeof plan === 'string') throw new WhatIfError(plan)
  const providers = createProviders(config.llms)
  const past = pastOf(log, plan, {
    config,
    translation: createTranslation(config, plan.oldest),
    providers,
  })
  const recording = createRecording(plan.recorded.llms)
  for (const event of past.waiting) recording.take(event)
  const last = recordInto(recording, log, plan.seq, span, progress)
  const counted = new Map(
    [...recording.requests].filter(([, { at, ended }]) => ended && at >= from && at < to),
  )
  if (counted.size === 0) throw new WhatIfError('No request came in this span, or none of them ended.')
  const round: Round = { options, plan, past, providers, recording, counted, last }
  const [first = 0, final = 0] = boundsOf([...counted.values()].map(({ at }) => at))
  const came = [...recording.requests.values()].filter(({ at }) => at >= from && at < to).length
  return { from: first, to: final, unfinished: came - counted.size, ...runBoth(round) }
}

/**
 * The same requests under the configuration that they were recorded under, from the same event on simulated in the same
 * way: what of a comparison is due to the simulation. Null where the log has several configurations, or where nothing
 * was simulated.
 */
export function controlOf(
  options: WhatIfOptions,
  { parted_after: parted, configurations }: WhatIf,
): WhatIf | null {
  if (parted === null || configurations > 1) return null
  const { log, from = 0, to = Number.POSITIVE_INFINITY } = options
  const plan = planOf(log, options.config, { from, to }) as Plan
  return whatIf({ ...options, config: plan.recorded, followTo: parted.seq })
}

/** What the first round found out. */
interface Round {
  readonly options: WhatIfOptions
  readonly plan: Plan
  readonly past: OtherPast
  readonly providers: Providers
  readonly recording: Recording
  readonly counted: ReadonlyMap<string, RecordedRequest>
  readonly last: number
}

/** Lets the other world go along with the log. */
function runBoth(round: Round): Omit<WhatIf, 'from' | 'to' | 'unfinished'> {
  const { options, plan, past, counted, last } = round
  const { log, config, from = 0, progress = () => {} } = options
  const translation = createTranslation(config, plan.recorded)
  const isCounted = (request: string) => counted.has(request)
  const recorded = createSideBook(translation.known, isCounted)
  const other = createSideBook(knownIn(config.llms), isCounted)
  const provenance = createProvenance()
  const world = worldOf(round, {
    record(event) {
      options.event?.(event)
      if (event.at >= from) other.take(event)
    },
    served(request, source, isLengthRecorded) {
      if (isCounted(request)) provenance.count(source, isLengthRecorded)
    },
  })
  if (plan.within !== null) enter(world, plan, translation.started(plan.within), past)
  const hashes = plan.within === null ? [] : [plan.within.config_hash]
  for (const event of inPages(log, plan.seq)) {
    if (event.seq > last) break
    if (event.type === 'process.started') hashes.push(event.data.config_hash)
    const translated = translation.translated(event)
    if (event.at >= from) recorded.take(event)
    world.take(translated)
    if (event.seq % EVENTS_PER_REPORT === 0) progress(last + event.seq - 2 * plan.seq, 2 * (last - plan.seq))
  }
  world.finish()
  return {
    processes: hashes.length,
    configurations: new Set(hashes).size,
    from_within: plan.within !== null,
    parted_after: world.partedAfter,
    recorded: recorded.side(),
    other: other.side(),
    provenance: provenance.counts,
    changes: changesOf(counted, recorded, other),
  }
}

function worldOf(
  { options, plan, past, providers, recording }: Round,
  told: Pick<WorldOptions, 'record' | 'served'>,
): OtherWorld {
  const { log, config, followTo = Number.POSITIVE_INFINITY } = options
  return openOtherWorld({
    config,
    fold: past.fold,
    requests: recording.requests,
    services: createServices(recording.requests),
    providers,
    lastSeq: plan.seq - 1,
    start: plan.at,
    followTo: plan.within === null ? followTo : plan.seq - 1,
    startOf({ seq, data }) {
      const [start] = log.readOf('process.started', seq)
      if (!isSamePolicy(start!.data.config as Written, config)) return null
      return foldBefore(log, { ...start!.data, recovered_at: data.recovered_at }, seq)
    },
    ...told,
  })
}

/** Lets the other world begin within a process: with what waited then, which has as long as it had left. */
function enter(world: OtherWorld, { at }: Plan, started: Started, { fold, waiting }: OtherPast): void {
  const since = [...fold.llms.values()].flatMap(({ spec, standing: { status, because } }) =>
    status === 'disabled' ? [{ llm: spec.name, because: because ?? '' }] : [],
  )
  world.begin({ ...started, recovered_at: at, disabled: [...started.disabled, ...since] }, at)
  for (const event of waiting) {
    const left = Math.max(0, event.at + event.data.max_wait_ms - at)
    world.take({ ...event, at, data: { ...event.data, max_wait_ms: left } })
  }
}

interface Counter {
  readonly counts: Provenance
  count(source: Source, isLengthRecorded: boolean): void
}

function createProvenance(): Counter {
  const times = { recorded: 0, measured: 0, configured: 0, assumed: 0, refused: 0 }
  const counts: Provenance = { ...times, lengths_recorded: 0, lengths_modelled: 0 }
  return {
    counts,
    count(source, isLengthRecorded) {
      counts[source]++
      if (source !== 'refused') counts[isLengthRecorded ? 'lengths_recorded' : 'lengths_modelled']++
    },
  }
}

function changesOf(counted: Round['counted'], recorded: SideBook, other: SideBook): Change[] {
  const changes: Change[] = []
  for (const [request, { at, client, model }] of counted) {
    const [from, to] = [recorded.fates.get(request)!, other.fates.get(request) ?? 'under way']
    if (from !== to) changes.push({ request, at, client, model, from, to })
  }
  return changes
}

function boundsOf(values: readonly number[]): number[] {
  return [values.reduce((least, at) => Math.min(least, at)), values.reduce((most, at) => Math.max(most, at))]
}
