import type { Flow, Stock } from '../queue/flows.ts'
import type { Pending, Queue } from '../queue/queue.ts'

/** Requests of one shape when a plan is made: the first of them that is found, in which band, and what is expected. */
export interface Group {
  readonly stock: Stock
  readonly band: number
  readonly head: Pending
  readonly expected: number[]
}

/** What waits, by shape. */
export function groupsOf({ bands }: Queue): Group[] {
  const groups = new Map<Stock, Group>()
  for (const [band, { kinds, backlogged }] of bands.entries()) {
    for (const { stock, expected } of kinds) {
      const group = groups.get(stock)
      if (group === undefined) {
        groups.set(stock, { stock, band, expected: [...expected], head: headOf(backlogged, stock) })
        continue
      }
      for (const [llm, more] of expected.entries())
        group.expected[llm] = (group.expected[llm] ?? 0) + (more ?? 0)
    }
  }
  return [...groups.values()]
}

function headOf(flows: readonly Flow[], stock: Stock): Pending {
  return flows.find(({ lanes }) => lanes.has(stock))!.lanes.get(stock)!.heap.items[0]!
}
