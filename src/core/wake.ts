import { type Block, blockOf, type Cost } from './account.ts'
import { costOn, isOpen, type LlmView } from './choose.ts'
import type { Dispatcher, Ports } from './dispatch-state.ts'
import { type Band, findFloor, type Stock } from './flows.ts'
import type { Pending, Queue } from './queue.ts'
import { mayTake } from './quotas.ts'
import { candidatesOf, isAtMost, type Round } from './round.ts'
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
  const kept = reserved?.llm === llm ? wishOf(view, reserved.cost, at) : null
  if (kept !== null && (first === null || kept.until < first.until)) first = kept
  for (const stock of stocksFor(state, llm)) {
    if (first !== null && isBeyond(view, stock.shape.inputTokens, first.cost)) break
    if (first !== null && isAtMost(view, first.cost, floorCostOn(view, stock))) continue
    const wish = wishFor(queue, stock, view, at)
    if (wish !== null && (first === null || wish.until < first.until)) first = wish
  }
  if (first !== null && first.cost !== view.wanted) ports.tell(llm, { type: 'full', cost: first.cost, at })
}

/** What an LLM has to wake for because of one shape; null when all of it would fit now. */
function wishFor({ bands }: Queue, stock: Stock, view: LlmView, at: number): Wish | null {
  if (stock.quota === null) return firstWish(bands, stock, view, at)
  const wish = wishOf(view, leastCostOn(view, stock.shape, stock.floor), at)
  if (wish !== null) return wish
  findFloor(bands, stock)
  return wishOf(view, leastCostOn(view, stock.shape, stock.floor), at) ?? firstWish(bands, stock, view, at)
}

/** The request of a shape that fits first, of those that do not fit now. */
function firstWish(bands: readonly Band[], { shape }: Stock, view: LlmView, at: number): Wish | null {
  let first: Wish | null = null
  for (const { shapes } of bands) {
    for (const { heap } of shapes.get(shape.key)?.lanes ?? []) {
      const wish = wishOf(view, costOn(view, heap.items[0]!), at)
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

/** Whether every prompt from this size on asks for more than `first`, whatever its answer. */
function isBeyond(view: LlmView, inputTokens: number, first: Cost): boolean {
  if (view.account.most.outputTokens !== Number.POSITIVE_INFINITY) return false
  return leastInputOn(view, inputTokens) >= first.inputTokens + first.outputTokens
}

type Wish = Pick<Block, 'until'> & { cost: Cost }

/** What an exhausted LLM is to wake for already: another cost of it may fit earlier once a call has ended. */
function wantedOf({ status, wanted: cost, wakeAt: until }: LlmView): Wish | null {
  return status === 'exhausted' ? { cost, until } : null
}

function wishOf(view: LlmView, cost: Cost, at: number): Wish | null {
  const block = blockOf(view.account, cost, at)
  return block && { ...block, cost }
}

/**
 * Tells the LLMs that have no room for a newcomer to wake for it, where they would not wake in time for it. Where there
 * is a plan, those that have room are to be looked at.
 */
export function tellOfNewcomer(round: Round, pending: Pending): void {
  const { state, ports, at } = round
  const { shape, quota } = pending.place!.lane.kind.stock
  for (const llm of quota === null ? candidatesOf(pending, ports) : shape.llms) {
    const view = ports.views[llm]!
    if (!isOpen(view) || (quota !== null && !mayTake(quota, llm))) continue
    const cost = costOn(view, pending)
    if (view.status === 'exhausted' && isAtMost(view, view.wanted, cost)) continue
    const block = blockOf(view.account, cost, at)
    if (block === null) state.news.add(llm)
    else if (view.status !== 'exhausted' || view.wakeAt > block.until)
      ports.tell(llm, { type: 'full', cost, at })
  }
}
