import type { Cost } from './account.ts'
import type { Totals } from './forecast.ts'
import { createHeap, type Heap } from './heap.ts'
import type { Pending } from './queue.ts'
import { type Shape, shapeOf } from './shape.ts'

/** The requests of one client that are alike, by deadline, then by age. */
export interface Lane {
  readonly flow: Flow
  readonly shape: Shape
  readonly heap: Heap<Pending>
}

/** The waiting requests of one client in one band. */
export interface Flow {
  readonly client: string
  readonly weight: number
  /** Virtual tokens served so far: tokens in thousandths over the client's weight. */
  served: number
  /** Breaks ties: when it last began to wait. */
  since: number
  size: number
  readonly lanes: Map<string, Lane>
}

/** One priority. */
export interface Band {
  readonly flows: Map<string, Flow>
  /** The flows in which a request waits, the least served first. */
  readonly backlogged: Flow[]
  /** What the flow that was served last had been served before: where a flow starts that had nothing to serve. */
  served: number
  size: number
  /** What the waiting requests are expected to take of each LLM. */
  readonly planned: Totals[]
  readonly shapes: Map<string, Kind>
}

/** The waiting requests of one shape in one band. */
export interface Kind {
  readonly shape: Shape
  count: number
  /** How many of them are expected to go to each LLM, and what one of them takes there. */
  readonly expected: number[]
  readonly costs: Cost[]
}

export function createBand(): Band {
  return { flows: new Map(), backlogged: [], served: 0, size: 0, planned: [], shapes: new Map() }
}

/** The lane in which a request has to wait in this band. */
export function laneFor(band: Band, pending: Pending): Lane {
  let flow = band.flows.get(pending.client)
  if (flow === undefined) {
    const { client, clientWeight: weight } = pending
    flow = { client, weight, served: 0, since: 0, size: 0, lanes: new Map() }
    band.flows.set(client, flow)
  }
  const shape = shapeOf(pending)
  let lane = flow.lanes.get(shape.key)
  if (lane === undefined) {
    const heap = createHeap(isDueBefore, (one: Pending, i) => {
      one.place!.laneIndex = i
    })
    lane = { flow, shape: band.shapes.get(shape.key)?.shape ?? shape, heap }
    flow.lanes.set(shape.key, lane)
  }
  return lane
}

/** Counts a request that begins to wait in a lane. An idle client earns no credit: it starts level with the others. */
export function enter(band: Band, { flow, shape }: Lane, seq: number): void {
  band.size++
  if (flow.size++ === 0) {
    flow.served = Math.max(flow.served, band.backlogged[0]?.served ?? band.served)
    flow.since = seq
    insertFlow(band, flow)
  }
  const kind = band.shapes.get(shape.key)
  if (kind === undefined) band.shapes.set(shape.key, { shape, count: 1, expected: [], costs: [] })
  else kind.count++
}

/** Counts a request that no longer waits in a lane. */
export function exit(band: Band, { flow, shape, heap }: Lane): void {
  if (heap.items.length === 0) flow.lanes.delete(shape.key)
  band.size--
  if (--flow.size === 0) band.backlogged.splice(band.backlogged.indexOf(flow), 1)
  const kind = band.shapes.get(shape.key)!
  if (--kind.count === 0) band.shapes.delete(shape.key)
}

/** An answer costs a provider about twice as much for each token as a prompt. */
const OUTPUT_WEIGHT = 2
const THOUSAND = 1000

/** Charges a flow for what was given to it; a correction may be negative. O(clients). */
export function serve(band: Band, flow: Flow, cost: Cost): void {
  const tokens = cost.inputTokens + OUTPUT_WEIGHT * cost.outputTokens
  band.served = Math.max(band.served, flow.served)
  flow.served += Math.round((tokens * THOUSAND) / flow.weight)
  if (flow.size === 0) return
  band.backlogged.splice(band.backlogged.indexOf(flow), 1)
  insertFlow(band, flow)
}

function insertFlow({ backlogged }: Band, flow: Flow): void {
  let low = 0
  let high = backlogged.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isServedBefore(backlogged[middle]!, flow)) low = middle + 1
    else high = middle
  }
  backlogged.splice(low, 0, flow)
}

/** Earliest deadline first, then the older one. */
export function isDueBefore(a: Pending, b: Pending): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.seq < b.seq)
}

function isServedBefore(a: Flow, b: Flow): boolean {
  return a.served < b.served || (a.served === b.served && a.since < b.since)
}
