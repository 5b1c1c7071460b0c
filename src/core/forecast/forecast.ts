import type { Cost } from '../limits/account.ts'
import { isOpen, type LlmView, type Offer, scoreOf, type Wishes } from '../matching/choose.ts'
import type { Dispatcher, Ports } from '../dispatch-state.ts'
import type { Flow } from '../queue/flows.ts'
import { type Demand, earliestFor } from '../limits/look-ahead.ts'
import { aheadOf, type Pending, plannedFor, positionOf, type Queue, rankOf } from '../queue/queue.ts'

/** A demand that is added up. */
export type Totals = { -readonly [K in 'requests' | 'inputTokens' | 'outputTokens']: number }

/** When an LLM could take a request, and what keeps it until then. */
export interface Start {
  /** ms since 1970; Infinity when nothing tells. */
  readonly at: number
  /** The limit that binds, or what it recovers from; null when it could at once. */
  readonly because: string | null
}

export interface Outlook extends Start {
  readonly offer: Offer
  /** The score of going there, the wait counted. */
  readonly score: number
}

/** When this LLM could take `cost` once `before` has been served. Exact as far as its ledgers reach. */
export function startOn(view: LlmView, before: Demand, cost: Cost, now: number, rank = 0): Start {
  if (view.status === 'disabled') return { at: Number.POSITIVE_INFINITY, because: view.because }
  const demand = {
    requests: before.requests + 1,
    inputTokens: before.inputTokens + cost.inputTokens,
    outputTokens: before.outputTokens + cost.outputTokens,
  }
  const { firstByteMs, tokensPerSecond } = view.skill
  const callMs = Math.ceil(firstByteMs + (demand.outputTokens * 1000) / (demand.requests * tokensPerSecond))
  const { at, limit } = earliestFor(view.account, demand, now, callMs, rank)
  if (isOpen(view) || view.wakeAt <= at) return { at, because: limit === '' ? null : limit }
  return { at: view.wakeAt, because: `recovery (${view.because ?? view.status})` }
}

/** Nothing is served before. */
export const NOBODY: Demand = { requests: 0, inputTokens: 0, outputTokens: 0 }

/** Two demands together. */
export function sumOf(a: Demand, b: Demand): Demand {
  return {
    requests: a.requests + b.requests,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
  }
}

/** The part of `planned` that is served before a request with `ahead` of `size` requests before it. */
export function shareOf(planned: Demand, ahead: number, size: number): Demand {
  if (ahead >= size) return planned
  const part = (amount: number) => Math.ceil((amount * ahead) / size)
  return {
    requests: part(planned.requests),
    inputTokens: part(planned.inputTokens),
    outputTokens: part(planned.outputTokens),
  }
}

/** So many of a lane are asked for their deadlines. */
const SAMPLES = 8

/** About how many of a flow are due by a deadline: of a long lane a sample tells. O(lanes). */
function dueBy({ lanes }: Flow, deadline: number): number {
  let due = 0
  for (const { heap } of lanes.values()) {
    const { items } = heap
    const asked = Math.min(SAMPLES, items.length)
    let before = 0
    for (let i = 0; i < asked; i++)
      if (items[Math.floor((i * items.length) / asked)]!.deadline <= deadline) before++
    due += Math.ceil((before * items.length) / asked)
  }
  return due
}

/**
 * About how many have to be served before a request if the most urgent of a client goes first: all of the higher
 * bands, those of its own client that are due before it, and of every other client of its band as many as its share
 * allows meanwhile. O(clients + lanes of its own).
 */
export function dueBefore(
  queue: Queue,
  index: number,
  who: Pick<Pending, 'client' | 'clientWeight' | 'deadline'>,
): number {
  const flow = queue.bands[index]!.flows.get(who.client)
  const own = flow === undefined ? 0 : dueBy(flow, who.deadline)
  return aheadOf(queue, index, who, own)
}

/** What each offer comes to for a request, `before` saying what is served before it on an LLM. */
export function outlooksOf(
  views: readonly LlmView[],
  offers: readonly Offer[],
  wishes: Wishes & Pick<Pending, 'place' | 'priority'>,
  now: number,
  before: (llm: number) => Demand,
): Outlook[] {
  return offers.map((offer) => {
    const { at, because } = startOn(views[offer.llm]!, before(offer.llm), offer.cost, now, rankOf(wishes))
    return { offer, at, because, score: scoreOf(offer, wishes, now, at) }
  })
}

/** The best of the outlooks that come in time; null when none does. */
export function bestOf(outlooks: readonly Outlook[]): Outlook | null {
  let best: Outlook | null = null
  for (const outlook of outlooks) {
    if (outlook.score === Number.NEGATIVE_INFINITY) continue
    if (best === null || outlook.score > best.score) best = outlook
  }
  return best
}

/** The one that starts first; null when none has a date. */
export function soonestOf(outlooks: readonly Outlook[]): Outlook | null {
  let soonest: Outlook | null = null
  for (const outlook of outlooks) {
    if (outlook.at !== Number.POSITIVE_INFINITY && (soonest === null || outlook.at < soonest.at))
      soonest = outlook
  }
  return soonest
}

/** Where a waiting request stands, counted from 1, and when it is expected to start; null when nothing tells. */
export interface Standing {
  readonly position: number
  readonly etaMs: number | null
}

/** The standing of a waiting request as of now; null when it does not wait. */
export function standingOf(
  { queue }: Dispatcher,
  { views }: Pick<Ports, 'views'>,
  id: string,
  now: number,
): Standing | null {
  const place = queue.byId.get(id)?.place
  if (place == null) return null
  const position = positionOf(queue, place)
  const llm = place.expected
  if (llm === null) return { position, etaMs: null }
  const cost = place.lane.kind.costs[llm]!
  let size = 0
  for (let i = 0; i <= place.band; i++) size += queue.bands[i]!.size
  const before = shareOf(plannedFor(queue, place.band, llm), position - 1, size)
  const { at } = startOn(views[llm]!, before, cost, now, place.band)
  return { position, etaMs: at === Number.POSITIVE_INFINITY ? null : Math.max(0, at - now) }
}
