import { policyOf } from '../../config/policy.ts'
import { isCapacity } from '../../core/cooling.ts'
import { type Event, type EventOf, isTerminal } from '../../core/events.ts'
import type { Fold } from '../../core/fold.ts'
import { narrate } from '../../log/narrate.ts'
import type { LogReader } from '../../log/store.ts'
import { attemptsOf } from './attempts.ts'
import { candidatesAt, type Considered, consider } from './candidates.ts'
import { endOf, helpOf } from './help.ts'
import { assumptionsOf, insteadOf } from './instead.ts'
import { phasesOf } from './phases.ts'
import type {
  AskedFor,
  AttemptTold,
  DecisionAt,
  Explanation,
  Fate,
  StoryLine,
  Tokens,
} from './explanation.ts'
import { findRequest, type Missing } from './find-request.ts'
import { type Past, pastBefore } from './past.ts'

/**
 * The life of a request, or why it cannot be told. O(events of its time), and a fold up to each of its decisions.
 * The reader is used for short reads only.
 */
export function explain(log: LogReader, id: string): Explanation | Missing {
  const found = findRequest(log, id)
  if ('missing' in found) return found
  const { received, own } = found
  const last = own.at(-1)!
  const isOver = isTerminal(last.type)
  const asOf = isOver ? { seq: last.seq, at: last.at } : log.last()
  const looked = lookAtDecisions(log, own)
  if (looked === null) return { missing: 'deleted', message: noPastText(id) }
  const { decisions, considered, past } = looked
  const attempts = attemptsOf(log, own)
  const phases = phasesOf(own, decisions, asOf.at)
  const end = endOf(own, received.at, waitIn(phases))
  const tokens = tokensOf(received, attempts, last)
  const arrival = decisions[0]!
  const before = waitedBefore(own, arrival)
  const waitedMs = attempts[0]?.wait_ms ?? null
  const known = { at: received.at, arrival, before, waitedMs, end, used: tokens.used }
  const instead = insteadOf(past.config.llms, known)
  const asked = askedOf(considered)
  const refused = end && { end, asked, specs: past.config.llms, arrival, instead }
  return {
    request: id,
    fate: fateOf(last),
    seq: received.seq,
    at: received.at,
    as_of: asOf,
    config_hash: past.configHash,
    asked,
    story: storyOf(own),
    decisions,
    phases,
    attempts,
    end,
    tokens,
    cost_nano_usd: 'cost_nano_usd' in last.data ? last.data.cost_nano_usd : null,
    instead,
    helped: refused === null ? [] : helpOf(refused),
    assumes: assumptionsOf(before),
  }
}

/** What a person wants to know of each event. Why an LLM was chosen is told apart, with all candidates. */
function storyOf(own: readonly Event[]): StoryLine[] {
  const from = own[0]!.at
  return own.flatMap((event) => {
    const line = narrate(event.type === 'request.dispatched' ? plain(event) : event)
    if (line === null) return []
    return [{ at: event.at, after_ms: event.at - from, text: line.text.replace(/ {2,}/, ' ') }]
  })
}

function plain(event: EventOf<'request.dispatched'>): Event {
  return { ...event, data: { ...event.data, candidates: [] } }
}

function noPastText(id: string): string {
  return `The log no longer holds with which configuration ${id} was decided: the start of its process was deleted.`
}

interface Looked {
  readonly decisions: readonly DecisionAt[]
  readonly considered: Considered
  /** The configuration on arrival. */
  readonly past: Past
}

/** Looks at the LLMs before each decision; null where the log does not reach back to what was configured. */
function lookAtDecisions(log: LogReader, own: readonly Event[]): Looked | null {
  const [received] = own as [EventOf<'request.received'>]
  const failed = new Map<string, string>()
  let first: Omit<Looked, 'decisions'> | null = null
  let past: Past | null = null
  const decisions: DecisionAt[] = []
  for (const event of placesOf(own)) {
    past = pastBefore(log, event.seq, past)
    if (past === null) return null
    const { views, state } = past
    const considered = consider(received, views, policyOf(past.config))
    first ??= { past, considered }
    noteFailures(own, event.seq, failed)
    const noted = event.type === 'request.dispatched' ? event.data.candidates : []
    const candidates = candidatesAt(views, considered, { at: event.at, failed, noted })
    const { seq, at, llm } = event
    const waiting = othersWaiting(state.fold, received.request!)
    decisions.push({ seq, at, what: whatOf(event), llm, waiting, candidates })
  }
  return first && { ...first, decisions }
}

function othersWaiting({ open }: Fold, own: string): number {
  let count = 0
  for (const [id, { attempt, isEnding }] of open) if (id !== own && attempt === null && !isEnding) count++
  return count
}

/** Where it was decided on a request: what followed its arrival at once, each start, and its expiry. */
function placesOf(own: readonly Event[]): Event[] {
  const [received, next] = own
  const isDecided = next !== undefined && next.type !== 'request.abandoned'
  const later = own
    .slice(isDecided ? 2 : 1)
    .filter(({ type }) => type === 'request.dispatched' || type === 'request.expired')
  return [isDecided ? next : received!, ...later]
}

function whatOf({ type }: Event): DecisionAt['what'] {
  switch (type) {
    case 'request.queued':
      return 'queued'
    case 'request.dispatched':
      return 'dispatched'
    case 'request.rejected':
      return 'rejected'
    case 'request.expired':
      return 'expired'
    default:
      return null
  }
}

/** The LLMs that failed the request itself before `seq`; a lack of room does not count. */
function noteFailures(own: readonly Event[], seq: number, failed: Map<string, string>): void {
  for (const event of own) {
    if (event.seq >= seq || event.type !== 'attempt.failed' || isCapacity(event.data)) continue
    failed.set(event.llm!, `attempt ${event.data.attempt} failed there, ${event.data.class}`)
  }
}

function waitedBefore([, next]: readonly Event[], { waiting }: DecisionAt): number {
  return next?.type === 'request.queued' ? next.data.position - 1 : waiting
}

function waitIn(phases: Explanation['phases']): number {
  return phases.reduce((sum, { what, ms }) => (what === 'call' ? sum : sum + ms), 0)
}

function fateOf({ type }: Event): Fate {
  if (isTerminal(type)) return type.slice('request.'.length) as Fate
  return type === 'request.dispatched' || type.startsWith('attempt.') ? 'running' : 'waiting'
}

function askedOf({ event, named, bounds, weights }: Considered): AskedFor {
  const { data } = event
  const { weights: own, max_cost_nano_usd: _cost, min_quality: _quality, ...rest } = data
  const from = own !== null ? 'request' : named?.weights ? 'model' : 'general'
  const held = { min_quality: bounds.minQuality, max_cost_nano_usd: bounds.maxCostNanoUsd }
  return { ...rest, weights, weights_from: from, ...held }
}

function tokensOf(
  { data }: EventOf<'request.received'>,
  attempts: readonly AttemptTold[],
  last: Event,
): Tokens {
  const { input_tokens, output_tokens } = data
  const reserved = attempts.at(-1)?.reserved ?? null
  const estimated = { input_tokens, output_tokens }
  if (last.type !== 'request.completed') return { estimated, reserved, used: null, assumed: false }
  const used = { input_tokens: last.data.input_tokens, output_tokens: last.data.output_tokens }
  return { estimated, reserved, used, assumed: last.data.estimated }
}
