import type { Match } from './assign-each.ts'
import { costOn, type LlmView } from './choose.ts'
import type { Flow } from './flows.ts'
import { isHeldBack } from './held-back.ts'
import { type Dish, LESS, type Menu, menuOf } from './menu.ts'
import type { Pending } from './queue.ts'
import { mayTake, OWN_FROM, ownOf, type Quota, type Quotas } from './quotas.ts'
import { keepsRoom, mayPass } from './reservation.ts'
import { fitsIn, type Room, roomIn } from './room.ts'
import { mayGo, type Round } from './round.ts'
import { floorCostOn, leastInputOn } from './shape.ts'
import { matchOf } from './shape-match.ts'
import { PRIORITIES } from './types.ts'
import { urgentIn } from './urgent.ts'

/** An LLM that is asked what it takes. */
export interface Ask {
  readonly llm: number
  readonly view: LlmView
  readonly menu: Menu
  /** What it has left for each band, and the most tokens that the next of its own should take there. */
  rooms: readonly Room[]
  most: readonly number[]
  /** Whether it may have room for something that it may take. */
  isOpen: boolean
}

export function askOf(round: Round, quotas: Quotas, llm: number): Ask {
  const view = round.ports.views[llm]!
  const ask: Ask = { llm, view, menu: menuOf(quotas, llm, view), rooms: [], most: [], isOpen: false }
  refresh(round, ask, quotas)
  return ask
}

/** Looks anew at what is left of an LLM. */
export function refresh(round: Round, ask: Ask, quotas: Quotas): void {
  const { account } = ask.view
  const room = passable(round, ask, roomIn(account, round.at))
  const isHeld = account.ledgers.some(({ limit }) => isHeldBack(limit))
  ask.rooms = PRIORITIES.map((_, rank) =>
    isHeld && rank > 0 ? passable(round, ask, roomIn(account, round.at, rank)) : room,
  )
  ask.isOpen = couldTake(ask, quotas)
  if (!ask.isOpen) return
  const most = mostFor(quotas, ask, room, round.at)
  ask.most = ask.rooms.map((one) => (one === room ? most : mostFor(quotas, ask, one, round.at)))
}

/**
 * The room that may be taken before the one that has its room kept: the most tokens are found by bisection, since what
 * is too much for it stays so the more it is. Where tokens are counted apart, each request is asked for itself.
 */
function passable({ state, ports, at }: Round, { llm, view }: Ask, room: Room): Room {
  if (state.reserved === null || room.calls < 1 || room.requests < 1 || room.tokens <= 1) return room
  const passes = (tokens: number) =>
    keepsRoom(state, ports, llm, { inputTokens: tokens, outputTokens: 0 }, at)
  if (!passes(1)) return { ...room, requests: 0 }
  if (!Number.isFinite(room.tokens) || isSplit(view) || passes(room.tokens)) return room
  let [enough, tooMuch] = [1, room.tokens]
  while (tooMuch - enough > 1) {
    const middle = Math.floor((enough + tooMuch) / 2)
    if (passes(middle)) enough = middle
    else tooMuch = middle
  }
  return { ...room, tokens: enough }
}

/** Whether some limit counts tokens of prompts or of answers apart. */
function isSplit({ account: { ledgers } }: LlmView): boolean {
  return ledgers.some(({ limit: { unit } }) => unit === 'input_tokens' || unit === 'output_tokens')
}

function couldTake(ask: Ask, { sorted }: Quotas): boolean {
  const { view } = ask
  const room = ask.rooms[0]!
  if (room.requests < 1 || room.calls < 1) return false
  const longest = Math.max(0, Math.min(room.inputTokens, room.tokens))
  for (const quota of sorted) {
    if (leastInputOn(view, quota.stock.shape.inputTokens) > longest) return false
    if (couldFit(ask, quota, room)) return true
  }
  return false
}

/** Whether an LLM may have room for a request of those it may take, judged by the least that is asked for. */
function couldFit({ llm, view }: Ask, quota: Quota, room: Room): boolean {
  return mayTake(quota, llm) && fitsIn(room, floorCostOn(view, quota.stock))
}

/**
 * The first client in turn of whom an LLM takes something. Where he has much to offer that is most often the very first;
 * only else it is worth while to find out what of all there is may fit.
 */
export function matchIn(round: Round, asks: readonly Ask[], rank: number): Match | null {
  const { backlogged, shapes, size } = round.state.queue.bands[rank]!
  if (size === 0) return null
  const urgent = urgentMatch(round, asks, rank)
  if (urgent !== null) return urgent
  const isRich = backlogged[0]!.lanes.size * RICH > shapes.size
  const first = isRich ? matchOfFlow(round, asks, rank, backlogged[0]!) : null
  if (first !== null) return first
  const left: Ask[] = []
  for (const ask of asks) {
    const dishes = ask.menu.dishes.filter(
      ({ quota }) => couldFit(ask, quota, ask.rooms[rank]!) && shapes.has(quota.stock.shape.key),
    )
    if (dishes.length > 0) left.push({ ...ask, menu: { ...ask.menu, dishes } })
  }
  if (left.length === 0) return null
  for (const flow of backlogged) {
    const match = matchOfFlow(round, left, rank, flow)
    if (match !== null) return match
  }
  return null
}

function urgentMatch(round: Round, asks: readonly Ask[], rank: number): Match | null {
  for (const pending of urgentIn(round.state.queue, rank, round.at))
    for (const ask of asks)
      if (pending.eligible.includes(ask.llm) && isFree(round, ask, rank, pending))
        return { pending, llm: ask.llm }
  return null
}

/** A client has much to offer from this part of all shapes on, as one over it. */
const RICH = 8

/** A request that an LLM could take, though the plan leaves it to others. */
interface Guest extends Match {
  readonly value: number
}

function matchOfFlow(round: Round, asks: readonly Ask[], rank: number, flow: Flow): Match | null {
  let guest: Guest | null = null
  for (const ask of asks) {
    const returned = returnedOf(round, ask, rank, flow)
    if (returned !== null) return returned
    const found = choose(round, ask, rank, flow)
    if (found === null) continue
    if (!('value' in found)) return found
    if (guest === null || found.value > guest.value) guest = found
  }
  return guest
}

/** A request of a client that came back from a failure and fits. */
function returnedOf(round: Round, ask: Ask, rank: number, flow: Flow): Match | null {
  for (const dish of ask.menu.returned) {
    const pending = freeIn(round, ask, rank, dish, flow)
    if (pending !== null) return { pending, llm: ask.llm }
  }
  return null
}

/**
 * The request of a client that an LLM takes: of its own the largest that still
 * leaves tokens for as many small ones as it has requests left in this window, so that both are used up together and
 * no large request is left for a window of its own at the end; else the smallest of its own; else of all others the
 * one that suits best what it has left. Null when nothing fits.
 */
function choose(round: Round, ask: Ask, rank: number, flow: Flow): Match | Guest | null {
  const {
    llm,
    menu: { dishes },
  } = ask
  const first = dishes.findIndex(({ tokens }) => tokens <= ask.most[rank]!)
  const middle = first < 0 ? dishes.length : first
  for (let i = middle; i < dishes.length; i++) {
    const pending = ownIn(round, ask, rank, dishes[i]!, flow)
    if (pending !== null) return { pending, llm }
  }
  for (let i = middle - 1; i >= 0; i--) {
    const pending = ownIn(round, ask, rank, dishes[i]!, flow)
    if (pending !== null) return { pending, llm }
  }
  return guestOf(round, ask, rank, flow)
}

/** A request of a client that fits and that the plan leaves to the LLM. */
function ownIn(round: Round, ask: Ask, rank: number, dish: Dish, flow: Flow): Pending | null {
  return dish.quota.left[ask.llm]! >= OWN_FROM ? freeIn(round, ask, rank, dish, flow) : null
}

/** Of what the plan leaves to others, the request of a client that suits best what the LLM has left. */
function guestOf(round: Round, ask: Ask, rank: number, flow: Flow): Guest | null {
  const { llm, view } = ask
  let best: Guest | null = null
  for (const dish of ask.menu.dishes) {
    const pending = freeIn(round, ask, rank, dish, flow)
    if (pending === null) continue
    const value = matchOf(view.account, costOn(view, pending), round.at)
    if (best === null || value > best.value) best = { pending, llm, value }
  }
  return best
}

/** The first request of a client's lane, if it fits. */
function freeIn(
  round: Round,
  ask: Ask,
  rank: number,
  { quota, least }: Dish,
  { lanes }: Flow,
): Pending | null {
  const room = ask.rooms[rank]!
  if (least * LESS > room.tokens || !couldFit(ask, quota, room)) return null
  const pending = lanes.get(quota.stock.shape.key)?.heap.items[0]
  return pending !== undefined && isFree(round, ask, rank, pending) ? pending : null
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

/** The tokens that are left in this window once the smallest of an LLM's own have taken all requests but one. */
function mostFor(quotas: Quotas, { llm, menu: { dishes } }: Ask, room: Room, now: number): number {
  if (room.requests <= 1) return room.tokens
  let backlog = 0
  for (const { quota } of dishes) backlog += ownOf(quota, llm)
  const windows = 1 + Math.floor(Math.max(0, quotas.endsAt - now) / room.perMs)
  let slots = Math.min(room.requests, Math.ceil(backlog / windows)) - 1
  let most = room.tokens
  for (let i = dishes.length - 1; i >= 0 && slots > 0; i--) {
    const { quota, tokens } = dishes[i]!
    const count = Math.min(slots, ownOf(quota, llm))
    most -= count * tokens
    slots -= count
  }
  return most
}
