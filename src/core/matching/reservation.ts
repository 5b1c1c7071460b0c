import type { Cost } from '../limits/account.ts'
import { costOn, isOpen, offersOf } from './choose.ts'
import type { Dispatcher, Ports } from '../dispatch-state.ts'
import { bestOf, NOBODY, type Outlook, outlooksOf, soonestOf, startOn } from '../forecast/forecast.ts'
import { CALL_MS, leavesRoomFor } from '../limits/look-ahead.ts'
import { type Pending, type Place, passedBy, rankOf } from '../queue/queue.ts'

/** A request that was passed over too often has its room kept: others may go first only if it can start as planned. */
export interface Reserved {
  readonly pending: Pending
  readonly llm: number
  readonly cost: Cost
  readonly at: number
}

/** Requests that may pass one that is late before its room is kept. */
const PASSES_MAX = 50
/** How much later than expected it has to be by then, beside a quarter of the wait that was expected. */
const PATIENCE_MS = 2_000
/** Where few pass, its room is kept this much later, or a quarter of the time until then. */
const GRACE_MS = 60_000

/** A plan by whose end all could have been served that came before it was looked at. */
export interface Cover {
  readonly at: number
  readonly endsAt: number
}

/**
 * Until when the oldest request may be passed over: until it is clearly late, and all that waited when it, or one
 * before it, became the oldest could have been served. Within that time others go first for the good of all.
 */
function dueByOf(state: Dispatcher, { at: came, place }: Pending, at: number): number {
  const { startsAt } = place!
  const lateAt = Math.ceil(startsAt + (startsAt - came) / 4) + PATIENCE_MS
  if (state.quotas !== null && came > state.cover.at) state.cover = { at, endsAt: state.quotas.endsAt }
  return came > state.cover.at ? lateAt : Math.max(lateAt, state.cover.endsAt)
}

/** Whether a request is due and was passed over by too many, or for too long. */
function isPassedOver({ queue }: Dispatcher, { at: came, place }: Pending, at: number): boolean {
  const dueBy = place!.dueBy!
  if (at < dueBy) return false
  return passedBy(queue, place!) >= PASSES_MAX || at >= dueBy + Math.max((dueBy - came) / 4, GRACE_MS)
}

/** Requests that wait for LLMs that take nothing now, beyond which no older one is looked for. */
const LOOKED_MAX = 100

/** Keeps room for the oldest waiting request that an LLM could take, once it was passed over too often. */
export function reserveForOldest(state: Dispatcher, ports: Ports, at: number): void {
  const { queue, reserved } = state
  if (reserved !== null && reserved.pending.place !== null && isServed(ports, reserved.pending)) {
    state.reserved = renewed(ports, reserved, at)
    return
  }
  state.reserved = null
  let looked = 0
  for (const pending of queue.byId.values()) {
    if (++looked > LOOKED_MAX) return
    if (!isServed(ports, pending)) continue
    const place = pending.place!
    place.dueBy ??= dueByOf(state, pending, at)
    if (isPassedOver(state, pending, at)) state.reserved = reservedFor(ports, pending, at)
    return
  }
}

/** Whether one of its LLMs takes requests now; where none does, none goes before it. */
function isServed({ views }: Ports, { place }: Pending): boolean {
  return llmsOf(place!).some((llm) => isOpen(views[llm]!))
}

function llmsOf({ lane }: Place): readonly number[] {
  return lane.kind.stock.shape.llms
}

/**
 * Its start may come nearer, but is never put off: else others who each leave room at the start as it is foreseen then
 * would put it off together for ever. From that start on nothing goes first.
 */
function renewed(ports: Ports, before: Reserved, now: number): Reserved | null {
  const { pending, llm, at: startsAt } = before
  const view = ports.views[llm]!
  if (!isOpen(view) || !llmsOf(pending.place!).includes(llm)) return reservedFor(ports, pending, now)
  const cost = costOn(view, pending)
  const { at } = startOn(view, NOBODY, cost, now, rankOf(pending))
  if (at >= startsAt && isSame(cost, before.cost)) return before
  return { pending, llm, cost, at: Math.min(startsAt, at) }
}

function isSame(one: Cost, other: Cost): boolean {
  return one.inputTokens === other.inputTokens && one.outputTokens === other.outputTokens
}

function reservedFor(ports: Ports, pending: Pending, at: number): Reserved | null {
  const outlooks = outlooksFor(ports, pending, at)
  const best = bestOf(outlooks) ?? soonestOf(outlooks)
  return best && { pending, llm: best.offer.llm, cost: best.offer.cost, at: startIn(ports, best, at) }
}

/**
 * When it is to start: how long calls under way still take is a guess, and no reason to keep it waiting for more than a
 * window.
 */
function startIn({ views }: Ports, { offer, at: foreseen, because }: Outlook, at: number): number {
  const ledger = views[offer.llm]!.account.ledgers.find(({ limit }) => limit.name === because)
  return ledger === undefined ? foreseen : Math.min(foreseen, at + ledger.limit.perMs)
}

function outlooksFor({ views }: Ports, pending: Pending, at: number): Outlook[] {
  const offers = offersOf(views, llmsOf(pending.place!), pending)
  return outlooksOf(views, offers, pending, at, () => NOBODY)
}

/**
 * Whether a request may take `cost` of an LLM now without delaying the one that has its room kept there, or on an LLM
 * that shares a limit with it.
 */
export function mayPass(
  state: Dispatcher,
  ports: Ports,
  pending: Pending,
  llm: number,
  cost: Cost,
  at: number,
): boolean {
  return state.reserved?.pending === pending || keepsRoom(state, ports, llm, cost, at)
}

/**
 * Whether what an LLM takes may delay the one that has its room kept: there, or on an LLM that shares a limit with it.
 */
export function isKeptFor({ reserved, siblings }: Dispatcher, llm: number): boolean {
  if (reserved === null || reserved.pending.place === null) return false
  return reserved.llm === llm || siblings[llm]!.includes(reserved.llm)
}

/** Whether the one that has its room kept can start as planned though another takes `cost` of an LLM now. */
export function keepsRoom(state: Dispatcher, { views }: Ports, llm: number, cost: Cost, at: number): boolean {
  const { reserved } = state
  if (reserved === null || !isKeptFor(state, llm)) return true
  const kept = views[reserved.llm]!.account.ledgers
  const ledgers = views[llm]!.account.ledgers.filter((ledger) => kept.includes(ledger))
  const rank = rankOf(reserved.pending)
  return leavesRoomFor({ ledgers }, cost, at, reserved.cost, reserved.at, CALL_MS, rank)
}
