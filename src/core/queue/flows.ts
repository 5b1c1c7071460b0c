import type { Cost } from '../limits/account.ts'
import type { Totals } from '../forecast/forecast.ts'
import { createHeap, type Heap } from './heap.ts'
import type { Pending } from './queue.ts'
import type { Quota } from '../matching/quota.ts'
import { type Shape, shapeOf } from './shape.ts'

/** The requests of one client that are alike, by deadline, then by age. */
export interface Lane {
  readonly flow: Flow
  readonly kind: Kind
  readonly heap: Heap<Pending>
}

/** All waiting requests of one shape, whatever their band. It stays as long as there is a plan for it. */
export interface Stock {
  readonly shape: Shape
  count: number
  /** Those of each band, by its rank, where any wait. */
  readonly kinds: (Kind | undefined)[]
  /** What the plan says of them; null while there is none. */
  quota: Quota | null
}

/** What a request asks for, as far as it is its own. */
export type Size = Pick<Pending, 'inputTokens' | 'outputTokens'>

/** By the key of their shape. */
export type Stocks = Map<string, Stock>

/** The waiting requests of one client in one band. */
export interface Flow {
  readonly client: string
  readonly weight: number
  /** Virtual tokens served so far: tokens in thousandths over the client's weight. */
  served: number
  /** Breaks ties: when it last began to wait. */
  since: number
  size: number
  /** By what they hold. */
  readonly lanes: Map<Stock, Lane>
}

/** One priority. */
export interface Band {
  /** 0 is the highest. */
  readonly rank: number
  readonly flows: Map<string, Flow>
  /** The flows in which a request waits, the least served first. */
  readonly backlogged: Flow[]
  /** What the flow that was served last had been served before: where a flow starts that had nothing to serve. */
  served: number
  size: number
  /** What the waiting requests are expected to take of each LLM. */
  readonly planned: Totals[]
  readonly kinds: Set<Kind>
}

/** The waiting requests of one shape in one band. */
export interface Kind {
  readonly stock: Stock
  /** Of its band. */
  readonly rank: number
  readonly lanes: Set<Lane>
  count: number
  /** No first request of a lane asks for less than this, though none need ask for as little. */
  floor: Size
  /** How many of them are expected to go to each LLM, and what one of them takes there. */
  readonly expected: number[]
  readonly costs: Cost[]
}

export function createBand(rank: number): Band {
  return { rank, flows: new Map(), backlogged: [], served: 0, size: 0, planned: [], kinds: new Set() }
}

/** The lane in which a request has to wait in this band. */
export function laneFor(stocks: Stocks, band: Band, pending: Pending): Lane {
  const { client, clientWeight: weight } = pending
  let flow = band.flows.get(client)
  if (flow === undefined) {
    flow = { client, weight, served: 0, since: 0, size: 0, lanes: new Map() }
    band.flows.set(client, flow)
  }
  const shape = shapeOf(pending)
  const stock = stockFor(stocks, shape)
  let lane = flow.lanes.get(stock)
  if (lane === undefined) {
    const heap = createHeap(isDueBefore, (one: Pending, i) => {
      one.place!.laneIndex = i
    })
    lane = { flow, kind: kindFor(stock, band, pending), heap }
    lane.kind.lanes.add(lane)
    flow.lanes.set(stock, lane)
  }
  return lane
}

function stockFor(stocks: Stocks, shape: Shape): Stock {
  let stock = stocks.get(shape.key)
  if (stock === undefined) {
    stock = { shape, count: 0, kinds: [], quota: null }
    stocks.set(shape.key, stock)
  }
  return stock
}

function kindFor(stock: Stock, { rank, kinds }: Band, pending: Pending): Kind {
  const known = stock.kinds[rank]
  if (known !== undefined) return known
  const kind: Kind = {
    stock,
    rank,
    lanes: new Set(),
    count: 0,
    floor: sizeOf(pending),
    expected: [],
    costs: [],
  }
  kinds.add(kind)
  stock.kinds[rank] = kind
  return kind
}

/** Counts a request that begins to wait in a lane. An idle client earns no credit: it starts level with the others. */
export function enter(band: Band, { flow, kind }: Lane, seq: number): void {
  band.size++
  kind.count++
  kind.stock.count++
  if (flow.size++ > 0) return
  flow.served = Math.max(flow.served, band.backlogged[0]?.served ?? band.served)
  flow.since = seq
  insertFlow(band, flow)
}

/** Counts a request that no longer waits in a lane; what is empty then is let go. */
export function exit(stocks: Stocks, band: Band, lane: Lane): void {
  const { flow, kind, heap } = lane
  const { stock } = kind
  if (heap.items.length === 0) {
    flow.lanes.delete(stock)
    kind.lanes.delete(lane)
  }
  band.size--
  if (--flow.size === 0) band.backlogged.splice(band.backlogged.indexOf(flow), 1)
  if (--kind.count === 0) {
    band.kinds.delete(kind)
    stock.kinds[band.rank] = undefined
  }
  if (--stock.count === 0 && stock.quota === null) stocks.delete(stock.shape.key)
}

/** Notes that a request is the first of its lane now. */
export function lowerFloor({ kind }: Lane, size: Size): void {
  const { inputTokens, outputTokens } = kind.floor
  if (inputTokens <= size.inputTokens && (outputTokens ?? 0) <= (size.outputTokens ?? 0)) return
  kind.floor = lesser(kind.floor, size)
}

/** Finds out what the first requests of all lanes of a kind ask for at least. O(lanes). */
export function findFloor(kind: Kind): void {
  let floor: Size | null = null
  for (const { heap } of kind.lanes) {
    const [head] = heap.items
    floor = floor === null ? sizeOf(head!) : lesser(floor, head!)
  }
  if (floor !== null) kind.floor = floor
}

function sizeOf({ inputTokens, outputTokens }: Size): Size {
  return { inputTokens, outputTokens }
}

function lesser(a: Size, b: Size): Size {
  const outputTokens =
    a.outputTokens === null || b.outputTokens === null ? null : Math.min(a.outputTokens, b.outputTokens)
  return { inputTokens: Math.min(a.inputTokens, b.inputTokens), outputTokens }
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
