import { type Block, blockOf, type Cost, mostOf } from './account.ts'
import { costOn, isOpen, type LlmView, type Wanted } from './choose.ts'
import type { Dispatcher, Ports } from './dispatch-state.ts'
import { findFloor, type Stock } from './flows.ts'
import { isHeldBack } from './held-back.ts'
import { type Pending, type Queue, rankOf } from './queue.ts'
import { mayTake } from './quotas.ts'
import { candidatesOf, isAtMost, isWanted, type Round } from './round.ts'
import { floorCostOn, leastCostOn, leastInputOn } from './shape.ts'

/**
 * Tells an LLM that has no room for some of what waits for which cost it has to wake: the one that fits first. Of what
 * is planned that is the least that is asked for of a shape, so that it may wake a little early.
 */
export function tellFull(state: Dispatcher, ports: Ports, llm: number, at: number): void {
  const { queue, reserved } = state
  const view = ports.views[llm]!
  if (!isOpen(view)) return
  let first = wantedOf(view)
  const kept = reserved?.llm === llm ? wishOf(view, reserved.cost, rankOf(reserved.pending), at) : null
  if (kept !== null && (first === null || kept.until < first.until)) first = kept
  for (const stock of stocksFor(state, llm)) {
    if (first !== null && isBeyond(view, stock.shape.inputTokens, first.wanted)) break
    const rank = rankIn(queue, stock)
    if (first !== null && isCovered(view, stock, rank, first.wanted)) continue
    const wish = wishFor(queue, stock, view, at)
    if (wish !== null && (first === null || wish.until < first.until)) first = wish
  }
  if (first !== null && first.wanted !== view.wanted)
    ports.tell(llm, { type: 'full', wanted: first.wanted, at })
}

/** The highest band in which requests of a shape wait. */
function rankIn({ bands }: Queue, { shape }: Stock): number {
  return bands.findIndex(({ shapes }) => shapes.has(shape.key))
}

/** Whether no request of a shape can fit before what is wanted does. */
function isCovered(view: LlmView, stock: Stock, rank: number, wanted: Wanted): boolean {
  return wanted.rank <= rank && isAtMost(view, wanted, floorCostOn(view, stock))
}

/** What an LLM has to wake for because of one shape; null when all of it would fit now. */
function wishFor(queue: Queue, stock: Stock, view: LlmView, at: number): Wish | null {
  if (stock.quota === null) return firstWish(queue, stock, view, at)
  const wish = floorWish(queue, stock, view, at)
  if (wish !== null) return wish
  findFloor(queue.bands, stock)
  return floorWish(queue, stock, view, at) ?? firstWish(queue, stock, view, at)
}

function floorWish(queue: Queue, stock: Stock, view: LlmView, at: number): Wish | null {
  return wishOf(view, leastCostOn(view, stock.shape, stock.floor), rankIn(queue, stock), at)
}

/** The request of a shape that fits first, of those that do not fit now. */
function firstWish({ bands }: Queue, { shape }: Stock, view: LlmView, at: number): Wish | null {
  let first: Wish | null = null
  for (const [rank, { shapes }] of bands.entries()) {
    for (const { heap } of shapes.get(shape.key)?.lanes ?? []) {
      const wish = wishOf(view, costOn(view, heap.items[0]!), rank, at)
      if (wish !== null && (first === null || wish.until < first.until)) first = wish
    }
  }
  return first
}

/** What waits for an LLM, the shortest prompts first. */
function* stocksFor({ queue, quotas }: Dispatcher, llm: number): Generator<Stock, void> {
  if (quotas === null) {
    const stocks = [...queue.stocks.values()].filter(({ shape }) => shape.llms.includes(llm))
    return yield* stocks.sort((a, b) => a.shape.inputTokens - b.shape.inputTokens)
  }
  for (const quota of quotas.sorted) if (mayTake(quota, llm)) yield quota.stock
}

/** Whether every prompt from this size on asks for more than `first`, whatever its answer and its band. */
function isBeyond(view: LlmView, inputTokens: number, first: Wanted): boolean {
  const { ledgers } = view.account
  if (mostOf(view.account).outputTokens !== Number.POSITIVE_INFINITY) return false
  if (first.rank > 0 && ledgers.some(({ limit }) => isHeldBack(limit))) return false
  return leastInputOn(view, inputTokens) >= first.inputTokens + first.outputTokens
}

type Wish = Pick<Block, 'until'> & { readonly wanted: Wanted }

/** What an exhausted LLM is to wake for already: another cost of it may fit earlier once a call has ended. */
function wantedOf({ status, wanted, wakeAt: until }: LlmView): Wish | null {
  return status === 'exhausted' ? { wanted, until } : null
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
