import { amountOf, type Cost, fits } from '../limits/account.ts'
import { ALIKE, isOpen, type LlmView, type Offer, offersOf, scoreOf } from './choose.ts'
import type { Dispatcher, Ports } from '../dispatch-state.ts'
import { startOn } from '../forecast/forecast.ts'
import { type Pending, plannedFor, rankOf } from '../queue/queue.ts'
import { mayPass } from './reservation.ts'

/** What is known while the room there is at one instant is handed out. */
export interface Round {
  readonly state: Dispatcher
  readonly ports: Ports
  readonly at: number
  /** What each LLM offers the requests that were looked at, which are few. */
  readonly offered: Offered[]
  /** By band, when each LLM will have served what is planned for it; forgotten when something changes there. */
  readonly servedAt: Map<number, number>[]
}

interface Offered {
  readonly pending: Pending
  readonly offers: Offer[]
}

export function createRound(state: Dispatcher, ports: Ports, at: number): Round {
  return { state, ports, at, offered: [], servedAt: [] }
}

/** Whether an LLM gets room back by now, though its timer may not have fired yet. */
export function isDue({ status, wakeAt }: LlmView, at: number): boolean {
  return status === 'exhausted' && wakeAt <= at
}

/** What the LLMs that a request may go to now offer it. */
export function offersFor({ offered, ports }: Round, pending: Pending): Offer[] {
  for (const one of offered) if (one.pending === pending) return one.offers
  const offers = offersOf(ports.views, candidatesOf(pending, ports), pending)
  offered.push({ pending, offers })
  return offers
}

/** Whether an LLM has room for a request that no other request keeps. */
export function hasRoomFor({ state, ports, at }: Round, pending: Pending, llm: number, cost: Cost): boolean {
  const view = ports.views[llm]!
  const rank = rankOf(pending)
  if (view.status === 'exhausted' && view.wakeAt > at && isWanted(view, cost, rank)) return false
  return isOpen(view) && fits(view.account, cost, at, rank) && mayPass(state, ports, pending, llm, cost, at)
}

/**
 * Whether a request does at least as well to go now as to leave this LLM and wait for another: the last of those who
 * wait there decides, since taking one of them away brings all behind it forward.
 */
export function isBestNow(round: Round, band: number, pending: Pending, offer: Offer): boolean {
  const { at } = round
  const enough = scoreOf(offer, pending, at, at) + ALIKE
  for (const other of offersFor(round, pending)) {
    if (other === offer || scoreOf(other, pending, at, at) <= enough) continue
    if (scoreOf(other, pending, at, servedAt(round, band, pending, other)) > enough) return false
  }
  return true
}

const NO_TOKENS: Cost = { inputTokens: 0, outputTokens: 0 }

/**
 * When an LLM would have served this request, if it were the last of all that are planned there in its band and above.
 */
export function servedAt(round: Round, band: number, pending: Pending, { llm, cost }: Offer): number {
  const { state, ports, at, servedAt: known } = round
  const planned = plannedFor(state.queue, band, llm)
  const isPlanned = pending.place !== null && pending.place.expected === llm && planned.requests > 0
  if (!isPlanned) return startOn(ports.views[llm]!, planned, cost, at, band).at
  known[band] ??= new Map()
  const times = known[band]
  let time = times.get(llm)
  if (time === undefined) {
    time = startOn(ports.views[llm]!, { ...planned, requests: planned.requests - 1 }, NO_TOKENS, at, band).at
    times.set(llm, time)
  }
  return time
}

/** Whether `less` asks for no more than `cost` of any limit of the LLM. */
export function isAtMost({ account: { ledgers } }: LlmView, less: Cost, cost: Cost): boolean {
  for (const { limit } of ledgers) if (amountOf(limit.unit, less) > amountOf(limit.unit, cost)) return false
  return true
}

/**
 * Whether a request of this rank asks for no less than what an exhausted LLM is to wake for, so that it does not fit
 * either.
 */
export function isWanted(view: LlmView, cost: Cost, rank: number): boolean {
  return view.wanted.rank <= rank && isAtMost(view, view.wanted, cost)
}

/** Whether a request may go to this of its LLMs now. */
export function mayGo({ views }: Pick<Ports, 'views'>, pending: Pending, llm: number): boolean {
  if (pending.excluded.has(llm)) return false
  if (!pending.auto || views[llm]!.spec.apiType !== 'simulated') return true
  return candidatesOf(pending, { views }).includes(llm)
}

/**
 * The LLMs a request may go to now: those whose provider can be reached, as long as there is one, since nothing tells
 * when the others can be again; for `auto`, a simulated one only while no real one can be reached.
 */
export function candidatesOf(pending: Pending, { views }: Pick<Ports, 'views'>): readonly number[] {
  const { eligible, excluded, auto } = pending
  const left = excluded.size === 0 ? eligible : eligible.filter((llm) => !excluded.has(llm))
  if (isPlain(left, auto, views)) return left
  const reachable = left.filter((llm) => views[llm]!.reachable)
  if (reachable.length === 0) return left
  const real = auto ? reachable.filter((llm) => views[llm]!.spec.apiType !== 'simulated') : reachable
  return real.length > 0 ? real : reachable
}

/** Whether all can be reached, and none is to be kept for when no other can. */
function isPlain(llms: readonly number[], auto: boolean, views: readonly LlmView[]): boolean {
  for (const llm of llms) {
    const { reachable, spec } = views[llm]!
    if (!reachable || (auto && spec.apiType === 'simulated')) return false
  }
  return true
}
