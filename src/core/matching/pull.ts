import { type Ask, couldFit, mostFor } from './ask.ts'
import type { Match } from './assign-each.ts'
import { costOn } from './choose.ts'
import type { Flow } from '../queue/flows.ts'
import { byTokens, type Dish, partOf } from './menu.ts'
import type { Pending } from '../queue/queue.ts'
import { OWN_FROM } from './quota.ts'
import { mayPass } from './reservation.ts'
import { fitsIn } from '../limits/room.ts'
import { mayGo, type Round } from './round.ts'
import { matchOf } from './shape-match.ts'
import { mayHurryTo, urgentIn } from './urgent.ts'

/** An LLM that is asked for a band. */
interface Served {
  readonly ask: Ask
  readonly rank: number
  /**
   * What is worth a look, the largest first, and whether all of it is known to fit, judged by the least that is asked
   * for.
   */
  readonly dishes: readonly Dish[]
  readonly isSifted: boolean
  /** The first of them that may fit, and the first that is not larger than the next of its own should be. */
  readonly from: number
  readonly middle: number
}

/**
 * The first client in turn of whom an LLM takes something. Where he has much to offer that is most often the very
 * first; only else it is worth while to find out what of all there is may fit.
 */
export function matchIn(round: Round, asks: readonly Ask[], rank: number): Match | null {
  const { backlogged, kinds, size } = round.state.queue.bands[rank]!
  if (size === 0) return null
  const urgent = urgentMatch(round, asks, rank)
  if (urgent !== null) return urgent
  const [flow] = backlogged
  if (flow!.lanes.size * RICH > kinds.size) {
    const all = asks.map((ask) => servedOf(round, ask, rank, ask.menu.dishes, false))
    const first = matchOfFlow(round, all, flow!)
    if (first !== null) return first
  }
  const left: Served[] = []
  for (const ask of asks) {
    const fitting = fittingFor(ask, rank)
    if (fitting.length > 0) left.push(servedOf(round, ask, rank, fitting, true))
  }
  if (left.length === 0) return null
  for (const flow of backlogged) {
    const match = matchOfFlow(round, left, flow)
    if (match !== null) return match
  }
  return null
}

/** A client has much to offer from this part of all shapes on, as one over it. */
const RICH = 8

function servedOf(
  { state, at }: Round,
  ask: Ask,
  rank: number,
  dishes: readonly Dish[],
  isSifted: boolean,
): Served {
  const most = mostFor(state.quotas!, ask, rank, at)
  const { tokens } = ask.rooms[rank]!
  const part = partOf(ask.menu, ask.view)
  const from = firstThat(dishes, ({ leastUp }) => leastUp * part <= tokens)
  const middle = Math.max(
    from,
    firstThat(dishes, (dish) => dish.tokens <= most),
  )
  return { ask, rank, dishes, isSifted, from, middle }
}

/** The first dish from which on all are such; none of those before may be. O(log n). */
function firstThat(dishes: readonly Dish[], isSuch: (dish: Dish) => boolean): number {
  let low = 0
  let high = dishes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isSuch(dishes[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}

/** What of a band may fit. O(what asks for no more tokens than are left). */
function fittingFor(ask: Ask, rank: number): Dish[] {
  const { view, menu, rooms } = ask
  const part = partOf(menu, view)
  const fitting: Dish[] = []
  for (const dish of menu.smallest) {
    if (dish.least * part > rooms[rank]!.tokens) break
    if (couldFit(ask, dish.quota, rank)) fitting.push(dish)
  }
  return fitting.sort(byTokens)
}

function urgentMatch(round: Round, asks: readonly Ask[], rank: number): Match | null {
  const { queue, quotas } = round.state
  for (const pending of urgentIn(queue, rank, round.at, quotas!.endsAt))
    for (const ask of asks)
      if (
        pending.eligible.includes(ask.llm) &&
        mayHurryTo(queue, pending, ask.llm, round.at) &&
        isFree(round, ask, rank, pending)
      )
        return { pending, llm: ask.llm }
  return null
}

/** A request that an LLM could take, though the plan leaves it to others. */
interface Guest extends Match {
  readonly value: number
}

function matchOfFlow(round: Round, served: readonly Served[], flow: Flow): Match | null {
  let guest: Guest | null = null
  for (const one of served) {
    const returned = returnedOf(round, one, flow)
    if (returned !== null) return returned
    const found = choose(round, one, flow)
    if (found === null) continue
    if (!('value' in found)) return found
    if (guest === null || found.value > guest.value) guest = found
  }
  return guest
}

/** A request of a client that came back from a failure and fits. */
function returnedOf(round: Round, served: Served, flow: Flow): Match | null {
  const { llm, menu } = served.ask
  if (menu.returned.length === 0) return null
  const unsifted = { ...served, isSifted: false }
  for (const dish of menu.returned) {
    const pending = dishIn(round, unsifted, dish, flow)
    if (pending !== null) return { pending, llm }
  }
  return null
}

/**
 * The request of a client that an LLM takes: of its own the largest that still leaves tokens for as many small ones as
 * it has requests left in this window, so that both are used up together and no large request is left for a window of
 * its own at the end; else the smallest of its own; else of all others the one that suits best what it has left. Null
 * when nothing fits.
 */
function choose(round: Round, served: Served, flow: Flow): Match | Guest | null {
  const { dishes, from, middle } = served
  const { llm } = served.ask
  for (let i = middle; i < dishes.length; i++) {
    const pending = ownIn(round, served, dishes[i]!, flow)
    if (pending !== null) return { pending, llm }
  }
  for (let i = middle - 1; i >= from; i--) {
    const pending = ownIn(round, served, dishes[i]!, flow)
    if (pending !== null) return { pending, llm }
  }
  return guestOf(round, served, flow)
}

/** A request of a client that fits and that the plan leaves to the LLM. */
function ownIn(round: Round, served: Served, dish: Dish, flow: Flow): Pending | null {
  return dish.quota.left[served.ask.llm]! >= OWN_FROM ? dishIn(round, served, dish, flow) : null
}

/** Of what the plan leaves to others, the request of a client that suits best what the LLM has left. */
function guestOf(round: Round, served: Served, flow: Flow): Guest | null {
  const { ask, dishes, from } = served
  const { llm, view } = ask
  let best: Guest | null = null
  for (let i = from; i < dishes.length; i++) {
    const pending = dishIn(round, served, dishes[i]!, flow)
    if (pending === null) continue
    const value = matchOf(view.account, costOn(view, pending), round.at)
    if (best === null || value > best.value) best = { pending, llm, value }
  }
  return best
}

/** The first request of a client's lane, if it fits. */
function dishIn(
  round: Round,
  { ask, rank, isSifted }: Served,
  { quota }: Dish,
  { lanes }: Flow,
): Pending | null {
  const lane = lanes.get(quota.stock)
  if (lane === undefined || !(isSifted || couldFit(ask, quota, rank))) return null
  const pending = lane.heap.items[0]!
  return isFree(round, ask, rank, pending) ? pending : null
}

/** Whether an LLM has room for a request that may go there and that no other request keeps. */
function isFree(
  { state, ports, at }: Round,
  { llm, view, rooms }: Ask,
  rank: number,
  pending: Pending,
): boolean {
  const cost = costOn(view, pending)
  if (!fitsIn(rooms[rank]!, cost) || !mayGo(ports, pending, llm)) return false
  return mayPass(state, ports, pending, llm, cost, at)
}
