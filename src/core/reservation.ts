import type { Cost } from './account.ts'
import { offersOf } from './choose.ts'
import type { Dispatcher, Ports } from './dispatch-state.ts'
import { bestOf, NOBODY, outlooksOf, soonestOf } from './forecast.ts'
import { leavesRoomFor } from './look-ahead.ts'
import { type Pending, passedBy } from './queue.ts'

/** A request that was passed over too often has its room kept: others may go first only if it can start as planned. */
export interface Reserved {
  readonly pending: Pending
  readonly llm: number
  readonly cost: Cost
  readonly at: number
}

/** Requests that may pass one that waits before its room is kept. */
const PASSES_MAX = 50
/** How much later than expected it has to be by then, beside a quarter of the wait that was expected. */
const PATIENCE_MS = 2_000

/**
 * Until when the oldest request may be passed over: until it is clearly late, and all that waited when it became the
 * oldest could have been served. Within that time others go first for the good of all.
 */
function dueByOf({ quotas }: Dispatcher, { at, place }: Pending): number {
  const { startsAt } = place!
  const lateAt = Math.ceil(startsAt + (startsAt - at) / 4) + PATIENCE_MS
  return Math.max(lateAt, quotas?.endsAt ?? 0)
}

/** Keeps room for the oldest waiting request once it was passed over too often. */
export function reserveForOldest(state: Dispatcher, ports: Ports, at: number): void {
  const { queue, reserved } = state
  if (reserved !== null && reserved.pending.place !== null) {
    state.reserved = reservedFor(ports, reserved.pending, at)
    return
  }
  state.reserved = null
  for (const pending of queue.byId.values()) {
    const place = pending.place!
    place.dueBy ??= dueByOf(state, pending)
    const isPassedOver = at >= place.dueBy && passedBy(queue, place) >= PASSES_MAX
    if (isPassedOver) state.reserved = reservedFor(ports, pending, at)
    return
  }
}

function reservedFor({ views }: Ports, pending: Pending, at: number): Reserved | null {
  const offers = offersOf(views, pending.place!.lane.kind.stock.shape.llms, pending)
  const outlooks = outlooksOf(views, offers, pending, at, () => NOBODY)
  const best = bestOf(outlooks) ?? soonestOf(outlooks)
  return best && { pending, llm: best.offer.llm, cost: best.offer.cost, at: best.at }
}

/** Whether a request may take `cost` of an LLM now without delaying the one that has its room kept there. */
export function mayPass(
  { reserved }: Dispatcher,
  { views }: Ports,
  pending: Pending,
  llm: number,
  cost: Cost,
  at: number,
): boolean {
  if (reserved === null || reserved.llm !== llm || reserved.pending === pending) return true
  return leavesRoomFor(views[llm]!.account, cost, at, reserved.cost, reserved.at)
}
