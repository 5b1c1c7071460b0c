import { type Offer, scoreOf } from './choose.ts'
import { type Late, latenessOf, leastAhead, takeRefusal } from './early-refusal.ts'
import { dueBefore, type Outlook, outlooksOf, shareOf } from './forecast.ts'
import { type Pending, plannedFor, rankOf } from './queue.ts'
import type { Quota } from './quotas.ts'
import { offersFor, type Round } from './round.ts'
import { shapeOf } from './shape.ts'

/** When each LLM could take a newcomer, `ahead` of those that wait being served before it. O(LLMs x log entries). */
export function foresee(round: Round, pending: Pending, ahead: number): Outlook[] {
  return outlooksFor(round, pending, ahead)(offersFor(round, pending))
}

/**
 * The same for a newcomer behind a long queue, of the LLMs alone that could be the best: waiting never raises a score, so
 * that the others need not be asked when they could start it. The best of the outlooks is the best of all.
 */
export function foreseeBest(round: Round, pending: Pending, ahead: number): Outlook[] {
  const look = outlooksFor(round, pending, ahead)
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
  const outlooks = outlooksFor(round, pending, leastAhead(due))(offersFor(round, pending))
  const late = latenessOf(ports.views, outlooks, pending, at)
  return late !== null && (late.isKnown || takeRefusal(state.refusals, at)) ? late : null
}

/** When LLMs could take a newcomer once `ahead` of those that wait were served. */
function outlooksFor(
  { state: { queue }, ports, at }: Round,
  pending: Pending,
  ahead: number,
): (offers: readonly Offer[]) => Outlook[] {
  const band = rankOf(pending)
  let size = 0
  for (let i = 0; i <= band; i++) size += queue.bands[i]!.size
  return (offers) =>
    outlooksOf(ports.views, offers, pending, at, (llm) => shareOf(plannedFor(queue, band, llm), ahead, size))
}
