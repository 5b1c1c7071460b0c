import { type Offer, scoreOf } from '../matching/choose.ts'
import { type Late, latenessOf, leastAhead, takeRefusal } from './early-refusal.ts'
import { dueBefore, type Outlook, outlooksOf, shareOf, soonestOf, sumOf } from './forecast.ts'
import { type Follower, promisedBefore } from './promised.ts'
import { aheadOf, type Pending, plannedFor, rankOf } from '../queue/queue.ts'
import type { Quota } from '../matching/quota.ts'
import { offersFor, type Round } from '../matching/round.ts'
import { shapeOf } from '../queue/shape.ts'
import { isExpected, startingBy } from './tickets.ts'

/** What is served before a newcomer. */
export interface Before {
  /** How many of those that wait. */
  readonly ahead: number
  /** Which of those who were promised a place; null for none. */
  readonly promised: Pick<Follower, 'spared' | 'most'> | null
}

/** What is served before a newcomer; whoever comes again as it was told waits for others who did. O(clients). */
export function beforeOf({ state: { queue, tickets } }: Round, pending: Pending, hasTicket: boolean): Before {
  if (hasTicket) return { ahead: queue.holders.size, promised: null }
  const ahead = aheadOf(queue, rankOf(pending), pending)
  const most = startingBy(tickets, pending.deadline)
  return { ahead, promised: most === 0 ? null : { spared: 0, most } }
}

/** When each LLM could take a newcomer, what is served before it counted. O(LLMs x log entries). */
export function foresee(round: Round, pending: Pending, before: Before): Outlook[] {
  return outlooksFor(round, pending, before)(offersFor(round, pending))
}

/**
 * The same for a newcomer behind a long queue, of the LLMs alone that could be the best: waiting never raises a score,
 * so that the others need not be asked when they could start it. The best of the outlooks is the best of all.
 */
export function foreseeBest(round: Round, pending: Pending, before: Before): Outlook[] {
  const look = outlooksFor(round, pending, before)
  const { offers, scores } = offersAtOnce(round, pending)
  const isSeen = Array<boolean>(offers.length).fill(false)
  const outlooks: Outlook[] = []
  let best = Number.NEGATIVE_INFINITY
  for (;;) {
    let next = -1
    for (let i = 0; i < offers.length; i++)
      if (!isSeen[i] && (next < 0 || scores[i]! > scores[next]!)) next = i
    if (next < 0 || scores[next]! < best) return outlooks
    isSeen[next] = true
    const [outlook] = look([offers[next]!])
    outlooks.push(outlook!)
    best = Math.max(best, outlook!.score)
  }
}

/** What is offered, and the scores of starting at once: as the plan knows them of others of the same shape. */
function offersAtOnce(round: Round, pending: Pending): Pick<Quota, 'offers' | 'scores'> {
  const quota = round.state.queue.stocks.get(shapeOf(pending).key)?.quota
  if (quota != null) return quota
  const offers = offersFor(round, pending)
  return { offers, scores: offers.map((offer) => scoreOf(offer, pending, round.at, round.at)) }
}

/** When it starts if that is too late and it may be refused for that; null when it waits. */
export function lateIn(round: Round, pending: Pending): Late | null {
  const { state, ports, at } = round
  if (state.policy.earlyRefusal === 'off') return null
  const due = dueBefore(state.queue, rankOf(pending), pending)
  const before = { ahead: leastAhead(due), promised: null }
  const outlooks = foresee(round, pending, before)
  const late = latenessOf(ports.views, outlooks, pending, at)
  return late !== null && (late.isKnown || takeRefusal(state.refusals, at)) ? late : null
}

/**
 * Where and when a request that could start at `earliest` can do so if it comes again: once all have been served who
 * were promised a place, unless it starts before the first of them; one that comes too early does not wait for its own.
 * Never sooner than without them. Null when nothing tells.
 */
export function nextPlace(round: Round, pending: Pending, earliest: number): Outlook | null {
  const { queue, tickets } = round.state
  const held = queue.holders.size
  const due = dueBefore(queue, rankOf(pending), pending)
  const ahead = held + leastAhead(Math.max(0, due - held))
  const spared = isExpected(tickets, pending) ? 1 : 0
  const isFirst = startingBy(tickets, earliest) === 0
  const promised = isFirst ? null : { spared, most: Number.POSITIVE_INFINITY }
  return soonestOf(foresee(round, pending, { ahead, promised }))
}

/** When LLMs could take a newcomer once what goes before was served. */
function outlooksFor(
  { state: { queue, tickets }, ports, at }: Round,
  pending: Pending,
  { ahead, promised }: Before,
): (offers: readonly Offer[]) => Outlook[] {
  const band = rankOf(pending)
  const { client, clientWeight } = pending
  let size = 0
  for (let i = 0; i <= band; i++) size += queue.bands[i]!.size
  const waiting = (llm: number) => shareOf(plannedFor(queue, band, llm), ahead, size)
  if (promised === null) return (offers) => outlooksOf(ports.views, offers, pending, at, waiting)
  const kept = promisedBefore(tickets.promised, { rank: band, client, clientWeight, ...promised })
  const before = (llm: number) => sumOf(waiting(llm), kept(llm))
  return (offers) => outlooksOf(ports.views, offers, pending, at, before)
}
