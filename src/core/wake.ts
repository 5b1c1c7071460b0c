import { type Block, blockOf, type Cost } from './account.ts'
import { costOn, isOpen, type LlmView, type Offer } from './choose.ts'
import type { Dispatcher, Ports } from './dispatch-state.ts'
import { isAtMost } from './round.ts'
import { leastCostOn, type Shape } from './shape.ts'

/**
 * Tells an LLM that has no room for some of what waits for which cost it has to wake: the one that fits first.
 *
 * Shapes are asked for the least they can cost, and only of those that could be the first, the requests themselves.
 */
export function tellFull({ queue, reserved }: Dispatcher, ports: Ports, llm: number, at: number): void {
  const view = ports.views[llm]!
  if (!isOpen(view)) return
  let first = wantedOf(view)
  const kept = reserved?.llm === llm ? wishOf(view, reserved.cost, at) : null
  if (kept !== null && (first === null || kept.until < first.until)) first = kept
  for (const { backlogged, shapes } of queue.bands) {
    for (const { shape } of shapes.values()) {
      if (!shape.llms.includes(llm) || !couldBeFirst(view, shape, first, at)) continue
      for (const { lanes } of backlogged) {
        const head = lanes.get(shape.key)?.heap.items[0]
        const wish = head === undefined ? null : wishOf(view, costOn(view, head), at)
        if (wish !== null && (first === null || wish.until < first.until)) first = wish
      }
    }
  }
  if (first !== null && first.cost !== view.wanted) ports.tell(llm, { type: 'full', cost: first.cost, at })
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

function couldBeFirst(view: LlmView, shape: Shape, first: Wish | null, at: number): boolean {
  if (first === null) return true
  const cost = leastCostOn(view, shape)
  if (isAtMost(view, first.cost, cost)) return false
  return (blockOf(view.account, cost, at)?.until ?? at) < first.until
}

/**
 * Tells the LLMs that have no room for a newcomer to wake for it, where they would not wake in time for it; those
 * that have room are looked at again.
 */
export function tellOfNewcomer(state: Dispatcher, ports: Ports, offers: readonly Offer[], at: number): void {
  for (const { llm, cost } of offers) {
    const view = ports.views[llm]!
    if (!isOpen(view) || (view.status === 'exhausted' && isAtMost(view, view.wanted, cost))) continue
    const block = blockOf(view.account, cost, at)
    if (block === null) state.settled.delete(llm)
    if (block === null || (view.status === 'exhausted' && view.wakeAt <= block.until)) continue
    ports.tell(llm, { type: 'full', cost, at })
  }
}
