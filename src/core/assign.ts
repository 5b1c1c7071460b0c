import { ALIKE, type Offer, scoreOf } from './choose.ts'
import type { Dispatcher, Ports } from './dispatch-state.ts'
import { type Pending, promote, takeExpired } from './queue.ts'
import type { Band } from './flows.ts'
import { fittingFor, type Match, matchIn } from './pull.ts'
import { dropStale, takeQuota } from './quotas.ts'
import { reserveForOldest } from './reservation.ts'
import { createRound, hasRoomFor, mayGo, isBestNow, offersFor, type Round } from './round.ts'
import { matchOf } from './shape-match.ts'
import { start } from './start.ts'
import { PRIORITIES } from './types.ts'
import { waitOf } from './wait.ts'
import { tellFull } from './wake.ts'

/**
 * Hands out the room there is. By band, then by the client that was served least, each LLM with room takes the
 * waiting request that suits best what it has left, unless that request does better to wait for another LLM.
 * `freed` is the LLM that may have got room back by the event at hand.
 */
export function assign(state: Dispatcher, ports: Ports, at: number, freed: number | null = null): void {
  // A request may still start at the very instant of its deadline: one that may not wait is not refused for that.
  for (const pending of takeExpired(state.queue, at - 1)) expire(ports, pending, at)
  if (state.queue.byId.size > 0) {
    promote(state.queue, at)
    reserveForOldest(state, ports, at)
    dropStale(state, at)
    assignRoom(createRound(state, ports, at, freed))
  }
  for (const pending of takeExpired(state.queue, at)) expire(ports, pending, at)
}

function assignRoom(round: Round): void {
  const { state, ports, at, open, fitting, servedAt } = round
  const asked = [...open]
  for (;;) {
    const match = nextMatch(round)
    if (match === null) break
    const { pending, llm } = match
    const { expected, lane } = pending.place!
    const offers = offersFor(round, pending)
    start(state, ports, pending, offers.find((offer) => offer.llm === llm)!, offers, at)
    takeQuota(state.quotas, lane.shape, llm)
    fitting.delete(llm)
    for (const known of servedAt) {
      known.delete(llm)
      if (expected !== null) known.delete(expected)
    }
  }
  for (const llm of asked) {
    tellFull(state, ports, llm, at)
    const { status, wakeAt } = ports.views[llm]!
    if (state.quotas !== null) state.settled.set(llm, { status, wakeAt })
  }
}

function nextMatch(round: Round): Match | null {
  const { reserved } = round.state
  if (reserved !== null && reserved.pending.place !== null && mayGo(round, reserved.pending, reserved.llm)) {
    const { pending, llm, cost } = reserved
    if (hasRoomFor(round, pending, llm, cost)) return { pending, llm }
  }
  for (const llm of round.open) if (fittingFor(round, llm).size === 0) round.open.delete(llm)
  if (round.open.size === 0) return null
  for (const [index, band] of round.state.queue.bands.entries()) {
    if (!hasFitting(round, band)) continue
    for (const flow of band.backlogged) {
      const match = matchIn(round, index, flow)
      if (match !== null) return match
    }
  }
  return null
}

function hasFitting({ open, fitting }: Round, { shapes }: Band): boolean {
  for (const llm of open) for (const key of fitting.get(llm)!) if (shapes.has(key)) return true
  return false
}

/**
 * Starts a newcomer on the LLM that is best for it, if that has room now and no other is worth waiting for; false
 * when it has to wait. Those that wait already still fit nowhere, or do better to wait. O(LLMs).
 */
export function startNewcomer(round: Round, pending: Pending): boolean {
  const best = bestWithRoom(round, pending)
  if (best === null || !isBestNow(round, PRIORITIES.indexOf(pending.priority), pending, best)) return false
  const { state, ports, at } = round
  start(state, ports, pending, best, offersFor(round, pending), at)
  // It may have taken the room of a request that was to go there later, or moved the instant for which the LLM wakes.
  if (state.queue.byId.size > 0) tellFull(state, ports, best.llm, at)
  return true
}

/** Starts a request that failed elsewhere on the best LLM that has room; false when none has. */
export function startElsewhere(state: Dispatcher, ports: Ports, pending: Pending, at: number): boolean {
  const round = createRound(state, ports, at, null)
  const best = bestWithRoom(round, pending)
  if (best === null) return false
  start(state, ports, pending, best, offersFor(round, pending), at)
  return true
}

/** The offer with the best score among the LLMs with room; of those alike, the one whose room it suits best. */
export function bestWithRoom(round: Round, pending: Pending): Offer | null {
  const { ports, at } = round
  const open = offersFor(round, pending).filter(({ llm, cost }) => hasRoomFor(round, pending, llm, cost))
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

function expire(ports: Ports, pending: Pending, at: number): void {
  const { waitingFor, etaMs } = waitOf(ports, pending, at)
  ports.decide('request.expired', pending.id, null, {
    wait_ms: at - pending.at,
    waited_for: pending.waitingFor ?? waitingFor,
    retry_after_ms: etaMs,
  })
}
