import { assignEach } from './assign-each.ts'
import { assignPlanned } from './assign-planned.ts'
import type { Dispatcher, Ports } from '../dispatch-state.ts'
import { type Pending, promote, takeExpired } from '../queue/queue.ts'
import { dropPlan, planFor } from './quotas.ts'
import { type Reserved, reserveForOldest } from './reservation.ts'
import { createRound, isDue } from './round.ts'
import { ITS_BURST, waitOf } from '../forecast/wait.ts'

/**
 * Hands out the room there is. By band, then by the client that was served least, each LLM with room takes the
 * waiting request that suits best what it has left, unless that request does better to wait for another LLM.
 * A short queue is looked at request by request, a long one by a plan. `freed` is the LLM that may have got room back
 * by the event at hand.
 */
export function assign(state: Dispatcher, ports: Ports, at: number, freed: number | null = null): void {
  // A request may still start at the very instant of its deadline: one that may not wait is not refused for that.
  for (const pending of takeExpired(state.queue, at - 1)) expire(ports, pending, at)
  if (state.queue.byId.size > 0) {
    promote(state.queue, at)
    const before = state.reserved
    reserveForOldest(state, ports, at)
    noteNews(state, ports, at, freed, before)
    const round = createRound(state, ports, at)
    const quotas = planFor(round)
    if (quotas !== null) assignPlanned(round, quotas)
    else {
      assignEach(round)
      state.queue.exposed.clear()
    }
  }
  for (const pending of takeExpired(state.queue, at)) expire(ports, pending, at)
  // Nobody is behind others when none is left, so a newcomer need not be looked at as one of many.
  if (state.queue.byId.size === 0) dropPlan(state)
}

/**
 * Notes the LLMs that may have got room back, and those where room is kept for another, or no longer. Any may have room
 * for a burst that was held back.
 */
function noteNews(
  state: Dispatcher,
  { views }: Ports,
  at: number,
  freed: number | null,
  before: Reserved | null,
): void {
  const { news, siblings, reserved, gathering } = state
  if (state.quotas === null) return
  if (freed !== null) for (const llm of [freed, ...siblings[freed]!]) news.add(llm)
  if (reserved !== before)
    for (const one of [reserved, before])
      if (one !== null) for (const llm of [one.llm, ...siblings[one.llm]!]) news.add(llm)
  for (const [llm, view] of views.entries()) if (at >= gathering.until || isDue(view, at)) news.add(llm)
}

function expire(ports: Ports, pending: Pending, at: number): void {
  const { waitingFor, etaMs } = waitOf(ports, pending, at)
  ports.decide('request.expired', pending.id, null, {
    wait_ms: at - pending.at,
    // A burst is held back for some ms only: what came after is the limit that is used up now.
    waited_for: pending.waitingFor === ITS_BURST ? waitingFor : (pending.waitingFor ?? waitingFor),
    retry_after_ms: etaMs,
  })
}
