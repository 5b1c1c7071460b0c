import { fits, LEAST } from '../limits/account.ts'
import { ALIKE, costOn, isOpen, type Offer, scoreOf } from './choose.ts'
import type { Dispatcher, Ports } from '../dispatch-state.ts'
import type { Flow } from '../queue/flows.ts'
import { type Pending, rankOf } from '../queue/queue.ts'
import { createRound, hasRoomFor, isBestNow, mayGo, offersFor, type Round } from './round.ts'
import { matchOf } from './shape-match.ts'
import { start } from './start.ts'
import { urgentIn } from './urgent.ts'
import { tellFull } from './wake.ts'

/** A waiting request and the LLM that takes it. */
export interface Match {
  readonly pending: Pending
  readonly llm: number
}

/** Hands out the room there is, looking at every LLM and at the first request of every lane. */
export function assignEach(round: Round): void {
  const { state, ports, at, servedAt } = round
  const asked = [...ports.views.keys()].filter((llm) => isOpen(ports.views[llm]!))
  for (;;) {
    const open = asked.filter((llm) => fits(ports.views[llm]!.account, LEAST, at))
    const match = open.length === 0 ? null : nextMatch(round, open)
    if (match === null) break
    const { pending, llm } = match
    const { expected } = pending.place!
    const offers = offersFor(round, pending)
    start(state, ports, pending, offers.find((offer) => offer.llm === llm)!, offers, at)
    for (const known of servedAt) {
      known?.delete(llm)
      if (expected !== null) known?.delete(expected)
    }
  }
  for (const llm of asked) tellFull(state, ports, llm, at)
}

function nextMatch(round: Round, open: readonly number[]): Match | null {
  const kept = reservedMatch(round)
  if (kept !== null) return kept
  for (const [index, { backlogged }] of round.state.queue.bands.entries()) {
    const urgent = urgentMatch(round, open, index)
    if (urgent !== null) return urgent
    for (const flow of backlogged) {
      const match = matchIn(round, open, index, flow)
      if (match !== null) return match
    }
  }
  return null
}

function urgentMatch(round: Round, open: readonly number[], rank: number): Match | null {
  for (const pending of urgentIn(round.state.queue, rank, round.at)) {
    const offers = offersFor(round, pending)
    const llm = open.find((one) =>
      offers.some((offer) => offer.llm === one && hasRoomFor(round, pending, one, offer.cost)),
    )
    if (llm !== undefined) return { pending, llm }
  }
  return null
}

/** The request whose room is kept, if it can start now. */
export function reservedMatch(round: Round): Match | null {
  const { reserved } = round.state
  if (reserved === null || reserved.pending.place === null) return null
  const { pending, llm, cost } = reserved
  return mayGo(round.ports, pending, llm) && hasRoomFor(round, pending, llm, cost) ? { pending, llm } : null
}

/**
 * The request of a client that an LLM with room takes: one that came back from a failure, else the one of all that
 * suits best what it has left. Null when nothing fits, or all do better to wait.
 */
function matchIn(round: Round, open: readonly number[], band: number, flow: Flow): Match | null {
  let best: Match | null = null
  let bestValue = Number.NEGATIVE_INFINITY
  for (const llm of open) {
    const view = round.ports.views[llm]!
    const ready = readyFor(round, llm, band, flow)
    const returned = ready.find(({ attempts }) => attempts > 0)
    if (returned !== undefined) return { pending: returned, llm }
    for (const pending of ready) {
      const value = matchOf(view.account, costOn(view, pending), round.at)
      if (value <= bestValue) continue
      best = { pending, llm }
      bestValue = value
    }
  }
  return best
}

function readyFor(round: Round, llm: number, band: number, { lanes }: Flow): Pending[] {
  const ready: Pending[] = []
  for (const { kind, heap } of lanes.values()) {
    if (!kind.stock.shape.llms.includes(llm)) continue
    const pending = heap.items[0]!
    const offer = offersFor(round, pending).find((one) => one.llm === llm)
    if (offer === undefined || !hasRoomFor(round, pending, llm, offer.cost)) continue
    if (isBestNow(round, band, pending, offer)) ready.push(pending)
  }
  return ready
}

/**
 * Starts a newcomer on the LLM with room that is best for it, if no other is worth waiting for; false when it has to
 * wait. Those that wait already still fit nowhere, or do better to wait. O(LLMs).
 */
export function startNewcomer(round: Round, pending: Pending, best: Offer | null): boolean {
  if (best === null || !isBestNow(round, rankOf(pending), pending, best)) return false
  const { state, ports, at } = round
  start(state, ports, pending, best, offersFor(round, pending), at)
  // It may have taken the room of a request that was to go there later, or moved the instant for which the LLM wakes.
  if (state.queue.byId.size > 0)
    for (const llm of [best.llm, ...state.siblings[best.llm]!]) tellFull(state, ports, llm, at)
  return true
}

/** Starts a request that failed elsewhere on the best LLM that has room; false when none has. */
export function startElsewhere(state: Dispatcher, ports: Ports, pending: Pending, at: number): boolean {
  const round = createRound(state, ports, at)
  const best = bestWithRoom(round, pending)
  if (best === null) return false
  start(state, ports, pending, best, offersFor(round, pending), at)
  return true
}

/** The offer with the best score among the LLMs with room; of those alike, the one whose room it suits best. */
export function bestWithRoom(round: Round, pending: Pending): Offer | null {
  const { ports, at } = round
  const open: Offer[] = []
  for (const offer of offersFor(round, pending))
    if (hasRoomFor(round, pending, offer.llm, offer.cost)) open.push(offer)
  if (open.length < 2) return open[0] ?? null
  const most = open.reduce((max, offer) => Math.max(max, scoreOf(offer, pending, at, at)), 0)
  let best: Offer | null = null
  let bestMatch = -1
  for (const offer of open) {
    if (scoreOf(offer, pending, at, at) < most - ALIKE) continue
    const match = matchOf(ports.views[offer.llm]!.account, offer.cost, at)
    if (match <= bestMatch) continue
    best = offer
    bestMatch = match
  }
  return best
}
