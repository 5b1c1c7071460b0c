import { type Match, reservedMatch } from './assign-each.ts'
import { isOpen, offersOf } from './choose.ts'
import { type Ask, askOf, refresh } from './ask.ts'
import { matchIn } from './pull.ts'
import { type Quotas, takeFromPlan } from './quotas.ts'
import { candidatesOf, type Round } from './round.ts'
import { start } from './start.ts'
import { PRIORITIES } from '../types.ts'
import { tellAsked, tellOfNewcomer } from './wake.ts'

/**
 * Hands out the room there is by the plan. Only LLMs are asked that may have got room back, or to which something new
 * may go. For each request that is started: O(LLMs asked x clients looked at x shapes that fit).
 */
export function assignPlanned(round: Round, quotas: Quotas): void {
  const { news, queue } = round.state
  for (;;) {
    for (const { heap } of queue.exposed) tellOfNewcomer(round, heap.items[0]!)
    queue.exposed.clear()
    if (news.size === 0) return
    askAll(round, quotas)
  }
}

function askAll(round: Round, quotas: Quotas): void {
  const { state, ports } = round
  const { news, siblings, seen } = state
  const llms = [...news].sort((a, b) => a - b)
  news.clear()
  const asks = llms.filter((llm) => isOpen(ports.views[llm]!)).map((llm) => askOf(round, quotas, llm))
  for (;;) {
    const match = nextMatch(round, asks)
    if (match === null) break
    take(round, match)
    const shared = siblings[match.llm]!
    for (const ask of asks) if (ask.llm === match.llm || shared.includes(ask.llm)) refresh(round, ask)
  }
  for (const ask of asks) tellAsked(round, ask)
  for (const llm of llms) seen[llm] = ports.views[llm]!.status
}

function take(round: Round, { pending, llm }: Match): void {
  const { state, ports, at } = round
  const offers = offersOf(ports.views, candidatesOf(pending, ports), pending)
  const { quota } = pending.place!.lane.kind.stock
  start(state, ports, pending, offers.find((offer) => offer.llm === llm)!, offers, at)
  if (quota !== null) takeFromPlan(state.quotas!, quota, llm)
}

function nextMatch(round: Round, asks: readonly Ask[]): Match | null {
  const kept = reservedMatch(round)
  if (kept !== null) return kept
  const open = asks.filter((ask) => ask.isOpen)
  if (open.length === 0) return null
  for (const rank of PRIORITIES.keys()) {
    const match = matchIn(round, open, rank)
    if (match !== null) return match
  }
  return null
}
