import { type Block, blockOf, type Cost } from '../limits/account.ts'
import { costOn, isOpen, type LlmView, type Wanted } from './choose.ts'
import type { Dispatcher, Ports } from '../dispatch-state.ts'
import { findFloor, type Kind } from '../queue/flows.ts'
import { partOf, tokensOf } from './menu.ts'
import type { Ask } from './ask.ts'
import { type Pending, rankOf } from '../queue/queue.ts'
import { mayTake } from './quota.ts'
import { isKeptFor } from './reservation.ts'
import { candidatesOf, isAtMost, isWanted, type Round } from './round.ts'
import { floorCostOn } from '../queue/shape.ts'

type Wish = Pick<Block, 'until'> & { readonly wanted: Wanted }

/**
 * Tells an LLM that has no room for some of what waits for which cost it has to wake: the one that fits first.
 * O(waiting).
 */
export function tellFull(state: Dispatcher, ports: Ports, llm: number, at: number): void {
  const view = ports.views[llm]!
  if (!isOpen(view)) return
  let first = standingWish(state, llm, view, at)
  for (const { kinds } of state.queue.bands)
    for (const kind of kinds)
      if (kind.stock.shape.llms.includes(llm)) first = sooner(first, firstWish(view, kind, at))
  tellOf(ports, llm, first, at)
}

/**
 * The same of an LLM that took what the plan leaves to it: for the least that is asked for of a kind, so that it may
 * wake a little early. Where tokens alone count, the smallest few tell.
 */
export function tellAsked({ state, ports, at }: Round, { llm, view, menu }: Ask): void {
  if (!isOpen(view)) return
  const { isHeld, isSplit } = menu
  const isKept = isKeptFor(state, llm)
  let first = standingWish(state, llm, view, at)
  const part = partOf(menu, view)
  const known: Wanted[] = []
  const covers = (one: Wanted, cost: Cost, rank: number) =>
    one.rank <= rank && (isSplit ? isAtMost(view, one, cost) : tokensOf(one) <= tokensOf(cost))
  const note = (wish: Wish) => {
    // Where it does not wait for what is kept from its rank, what asks for more waits as long in any rank.
    const isOwn =
      isHeld && wish.wanted.rank > 0 && blockOf(view.account, wish.wanted, at)?.until !== wish.until
    known.push(isOwn ? wish.wanted : { ...wish.wanted, rank: 0 })
  }
  if (first !== null) note(first)
  for (const { quota, least } of menu.smallest) {
    if (!isSplit && known.some((one) => one.rank === 0 && tokensOf(one) <= least * part)) break
    if (!mayTake(quota, llm)) continue
    for (const kind of quota.stock.kinds) {
      if (kind === undefined) continue
      const floor = floorCostOn(view, quota.stock.shape, kind.floor)
      if (known.some((one) => covers(one, floor, kind.rank))) continue
      const wish = isKept ? floorWish(view, kind, at) : leastWish(view, kind, at)
      if (wish === null) continue
      note(wish)
      first = sooner(first, wish)
    }
  }
  tellOf(ports, llm, first, at)
}

function tellOf(ports: Ports, llm: number, wish: Wish | null, at: number): void {
  if (wish !== null && wish.wanted !== ports.views[llm]!.wanted)
    ports.tell(llm, { type: 'full', wanted: wish.wanted, at })
}

/**
 * What an LLM is to wake for whatever else waits: what it sleeps for already, or the request that has its room kept
 * there.
 */
function standingWish({ reserved }: Dispatcher, llm: number, view: LlmView, at: number): Wish | null {
  const { status, wanted, wakeAt: until } = view
  const asleep = status === 'exhausted' ? { wanted, until } : null
  if (reserved?.llm !== llm) return asleep
  return sooner(asleep, wishOf(view, reserved.cost, rankOf(reserved.pending), at))
}

function sooner(first: Wish | null, other: Wish | null): Wish | null {
  if (first === null || other === null) return first ?? other
  return other.until < first.until ? other : first
}

/** What an LLM has to wake for because of one kind; null when all of it would fit now. */
function leastWish(view: LlmView, kind: Kind, at: number): Wish | null {
  const wish = floorWish(view, kind, at)
  if (wish !== null) return wish
  findFloor(kind)
  return floorWish(view, kind, at) ?? firstWish(view, kind, at)
}

function floorWish(view: LlmView, { stock, rank, floor }: Kind, at: number): Wish | null {
  return wishOf(view, floorCostOn(view, stock.shape, floor), rank, at)
}

/** The first request of a lane that fits first, of those that do not fit now. */
function firstWish(view: LlmView, { lanes, rank }: Kind, at: number): Wish | null {
  let first: Wish | null = null
  for (const { heap } of lanes) first = sooner(first, wishOf(view, costOn(view, heap.items[0]!), rank, at))
  return first
}

function wishOf(view: LlmView, cost: Cost, rank: number, at: number): Wish | null {
  const block = blockOf(view.account, cost, at, rank)
  return block && { until: block.until, wanted: { ...cost, rank } }
}

/**
 * Tells the LLMs that have no room for a newcomer to wake for it, where they would not wake in time for it. Where there
 * is a plan, those that have room are to be looked at.
 */
export function tellOfNewcomer(round: Round, pending: Pending): void {
  const { state, ports, at } = round
  const { shape, quota } = pending.place!.lane.kind.stock
  const rank = rankOf(pending)
  for (const llm of quota === null ? candidatesOf(pending, ports) : shape.llms) {
    const view = ports.views[llm]!
    if (!isOpen(view) || (quota !== null && !mayTake(quota, llm))) continue
    const cost = costOn(view, pending)
    if (view.status === 'exhausted' && isWanted(view, cost, rank)) continue
    const block = blockOf(view.account, cost, at, rank)
    if (block === null) state.news.add(llm)
    else if (view.status !== 'exhausted' || view.wakeAt > block.until)
      ports.tell(llm, { type: 'full', wanted: { ...cost, rank }, at })
  }
}
