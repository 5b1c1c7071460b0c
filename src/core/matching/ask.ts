import type { LlmView } from './choose.ts'
import { isHeldAlike } from '../limits/held-back.ts'
import { type Menu, menuOf, partOf } from './menu.ts'
import { mayTake, ownOf, type Quota } from './quota.ts'
import type { Quotas } from './quotas.ts'
import { keepsRoom } from './reservation.ts'
import { fitsIn, type Room, roomIn } from '../limits/room.ts'
import type { Round } from './round.ts'
import { floorCostOn } from '../queue/shape.ts'
import { PRIORITIES } from '../types.ts'

/** An LLM that is asked what it takes. */
export interface Ask {
  readonly llm: number
  readonly view: LlmView
  readonly menu: Menu
  /** What it has left for each band. */
  rooms: readonly Room[]
  /** Whether it may have room for something that it may take. */
  isOpen: boolean
}

/** An LLM as it is to be asked now. */
export function askOf(round: Round, quotas: Quotas, llm: number): Ask {
  const view = round.ports.views[llm]!
  const ask: Ask = { llm, view, menu: menuOf(quotas, llm, view), rooms: [], isOpen: false }
  refresh(round, ask)
  return ask
}

/** Looks anew at what is left of an LLM. */
export function refresh(round: Round, ask: Ask): void {
  const { account } = ask.view
  const rooms: Room[] = []
  for (const rank of PRIORITIES.keys()) {
    const isAlike = rank > 0 && isHeldAlike(account, rank, rank - 1)
    rooms.push(isAlike ? rooms[rank - 1]! : passable(round, ask, roomIn(account, round.at, rank)))
  }
  ask.rooms = rooms
  ask.isOpen = couldTake(ask)
}

/**
 * The room that may be taken before the one that has its room kept: the most tokens are found by bisection, since what
 * is too much for it stays so the more it is. Where tokens are counted apart, each request is asked for itself.
 */
function passable({ state, ports, at }: Round, { llm, menu }: Ask, room: Room): Room {
  if (state.reserved === null || room.calls < 1 || room.requests < 1 || room.tokens <= 1) return room
  const passes = (tokens: number) =>
    keepsRoom(state, ports, llm, { inputTokens: tokens, outputTokens: 0 }, at)
  if (!passes(1)) return { ...room, requests: 0 }
  if (!Number.isFinite(room.tokens) || menu.isSplit || passes(room.tokens)) return room
  let [enough, tooMuch] = [1, room.tokens]
  while (tooMuch - enough > 1) {
    const middle = Math.floor((enough + tooMuch) / 2)
    if (passes(middle)) enough = middle
    else tooMuch = middle
  }
  return { ...room, tokens: enough }
}

function couldTake(ask: Ask): boolean {
  const { llm, view, menu, rooms } = ask
  const [{ requests, calls, tokens }] = rooms as [Room]
  if (requests < 1 || calls < 1) return false
  const part = partOf(menu, view)
  for (const { quota, least } of menu.smallest) {
    if (least * part > tokens) return false
    if (mayTake(quota, llm) && rooms.some((_, rank) => couldFit(ask, quota, rank))) return true
  }
  return false
}

/** Whether an LLM may have room for one of those of a band that it may take, judged by the least that is asked for. */
export function couldFit({ llm, view, rooms }: Ask, quota: Quota, rank: number): boolean {
  const { shape, kinds } = quota.stock
  const kind = kinds[rank]
  if (kind === undefined || !mayTake(quota, llm)) return false
  return fitsIn(rooms[rank]!, floorCostOn(view, shape, kind.floor))
}

/**
 * The tokens that are left for a band in this window once the smallest of an LLM's own have taken all requests but one.
 */
export function mostFor({ endsAt, backlogs }: Quotas, ask: Ask, rank: number, now: number): number {
  const { llm, menu, rooms } = ask
  const room = rooms[rank]!
  if (room.requests <= 1) return room.tokens
  const windows = 1 + Math.floor(Math.max(0, endsAt - now) / room.perMs)
  let slots = Math.min(room.requests, Math.ceil(Math.max(0, backlogs[llm]!) / windows)) - 1
  let most = room.tokens
  for (let i = menu.dishes.length - 1; i >= 0 && slots > 0; i--) {
    const { quota, tokens } = menu.dishes[i]!
    const count = Math.min(slots, ownOf(quota, llm))
    most -= count * tokens
    slots -= count
  }
  return most
}
