import type { Cost } from '../limits/account.ts'
import type { Needs } from '../needs/estimate.ts'
import { expect, forget } from './expected.ts'
import {
  type Band,
  createBand,
  enter,
  exit,
  isDueBefore,
  type Lane,
  laneFor,
  lowerFloor,
  type Stocks,
} from './flows.ts'
import type { Totals } from '../forecast/forecast.ts'
import { createHeap, type Heap, push, removeAt } from './heap.ts'
import { PRIORITIES, type Priority, type Weights } from '../types.ts'

/** A request from its arrival to its end, as the dispatcher keeps it. */
export interface Pending extends Needs {
  readonly id: string
  readonly seq: number
  readonly at: number
  /** Name of the client that sent it, and its share among the clients. */
  readonly client: string
  readonly clientWeight: number
  readonly priority: Priority
  readonly deadline: number
  readonly bodyBytes: number
  readonly weights: Weights
  /** Indexes of the LLMs that can ever take it. */
  readonly eligible: readonly number[]
  /** Whether it left the choice of the LLM to us. */
  readonly auto: boolean
  /** The limit it was last passed over for; null while it has not waited. */
  waitingFor: string | null
  attempts: number
  /** LLMs that failed this very request. */
  excluded: ReadonlySet<number>
  /** Where it waits; null while it does not. */
  place: Place | null
}

/** The place of a waiting request. */
export interface Place {
  /** Index of its band: its priority, or a higher one that it has aged into. */
  band: number
  lane: Lane
  /** When it moves up a band. */
  agesAt: number
  /** The LLM that it is expected to go to; null when nothing tells. */
  readonly expected: number | null
  /** When it was expected to start, as of its arrival; that instant itself when nothing told. */
  readonly startsAt: number
  /** When its room is kept if it still waits; null until it is the oldest. */
  dueBy: number | null
  /** Requests that were to be served before it when it came, and all that had been started by then. */
  readonly ahead: number
  readonly startedBefore: number
  laneIndex: number
  deadlineIndex: number
  agingIndex: number
}

/**
 * The waiting requests: bands by priority, in a band the clients by what they were served, of a client's alike
 * requests the one with the earliest deadline. Adding and removing cost O(log n) and the few clients of a band.
 */
export interface Queue {
  readonly bands: readonly Band[]
  readonly stocks: Stocks
  /** All that wait, by id, in the order in which they came. */
  readonly byId: Map<string, Pending>
  readonly deadlines: Heap<Pending>
  /** By the instant at which they move up a band. */
  readonly aging: Heap<Pending>
  /** Requests and bytes of each client. */
  readonly clients: Map<string, { requests: number; bytes: number }>
  bytes: number
  /** Lanes whose first request is another and could fit where the one before did not; whoever plans empties it. */
  readonly exposed: Set<Lane>
  /** Those that came again as they were told, in that order. */
  readonly holders: Set<Pending>
  /** Requests that left the queue for an LLM. */
  started: number
}

export function createQueue(): Queue {
  return {
    bands: PRIORITIES.map((_, rank) => createBand(rank)),
    stocks: new Map(),
    byId: new Map(),
    deadlines: createHeap(isDueBefore, (pending, i) => {
      pending.place!.deadlineIndex = i
    }),
    aging: createHeap(agesBefore, (pending, i) => {
      pending.place!.agingIndex = i
    }),
    clients: new Map(),
    bytes: 0,
    exposed: new Set(),
    holders: new Set(),
    started: 0,
  }
}

export function sizeOf(queue: Queue): number {
  return queue.byId.size
}

/** The band in which a request waits, or would: 0 is the highest. */
export function rankOf({ place, priority }: Pick<Pending, 'place' | 'priority'>): number {
  return place === null ? PRIORITIES.indexOf(priority) : place.band
}

/** Where a request is expected to go, and what it takes there. */
export interface Expected {
  readonly llm: number
  /** When it starts there, if all goes as expected. */
  readonly at: number
  readonly cost: Cost
}

/**
 * Adds a request behind those of its client that are due before it: `ahead` of all. Returns its position, counted from
 * 1.
 */
export function enqueue(
  queue: Queue,
  pending: Pending,
  expected: Expected | null,
  ahead = aheadOf(queue, rankOf(pending), pending),
): number {
  const band = rankOf(pending)
  const lane = laneFor(queue.stocks, queue.bands[band]!, pending)
  const heaps = { laneIndex: -1, deadlineIndex: -1, agingIndex: -1 }
  const llm = expected?.llm ?? null
  const startsAt = expected?.at ?? pending.at
  pending.place = {
    band,
    lane,
    agesAt: agesAt(pending, band),
    expected: llm,
    startsAt,
    dueBy: null,
    ahead,
    startedBefore: queue.started,
    ...heaps,
  }
  join(queue, pending, expected?.cost ?? null)
  queue.byId.set(pending.id, pending)
  queue.bytes += pending.bodyBytes
  const client = queue.clients.get(pending.client)
  if (client === undefined) queue.clients.set(pending.client, { requests: 1, bytes: pending.bodyBytes })
  else {
    client.requests++
    client.bytes += pending.bodyBytes
  }
  push(queue.deadlines, pending)
  return ahead + 1
}

/** Takes a request out, for an LLM or for good; false when it does not wait. */
export function dequeue(queue: Queue, pending: Pending, llm: number | null = null): boolean {
  const { place } = pending
  if (place === null) return false
  leave(queue, pending, llm)
  removeAt(queue.deadlines, place.deadlineIndex)
  pending.place = null
  queue.byId.delete(pending.id)
  queue.holders.delete(pending)
  queue.bytes -= pending.bodyBytes
  const client = queue.clients.get(pending.client)!
  client.requests--
  client.bytes -= pending.bodyBytes
  if (client.requests === 0) queue.clients.delete(pending.client)
  return true
}

/** Enters the lane of its place. */
function join(queue: Queue, pending: Pending, cost: Cost | null): void {
  const { band: index, lane, expected } = pending.place!
  const band = queue.bands[index]!
  push(lane.heap, pending)
  if (lane.heap.items[0] === pending) expose(queue, lane)
  enter(band, lane, pending.seq)
  if (expected !== null) expect(band, lane.kind, expected, cost)
  if (index > 0) push(queue.aging, pending)
}

function leave(queue: Queue, pending: Pending, llm: number | null): void {
  const { place } = pending
  const { band: index, lane, expected, laneIndex, agingIndex } = place!
  const band = queue.bands[index]!
  removeAt(lane.heap, laneIndex)
  const [next] = lane.heap.items
  if (next === undefined) queue.exposed.delete(lane)
  else if (laneIndex === 0 && isSmaller(next, pending)) expose(queue, lane)
  forget(band, lane.kind, llm, expected)
  exit(queue.stocks, band, lane)
  if (agingIndex >= 0) removeAt(queue.aging, agingIndex)
}

function expose({ exposed }: Queue, lane: Lane): void {
  exposed.add(lane)
  lowerFloor(lane, lane.heap.items[0]!)
}

/** Whether a request could fit where another does not. */
function isSmaller(a: Pending, b: Pending): boolean {
  return (
    a.inputTokens < b.inputTokens || (a.outputTokens ?? 0) < (b.outputTokens ?? 0) || a.choices < b.choices
  )
}

/** What an LLM is expected to be asked for before a request of this band that comes now. */
export function plannedFor(queue: Queue, band: number, llm: number): Totals {
  const sum = { requests: 0, inputTokens: 0, outputTokens: 0 }
  for (let i = 0; i <= band; i++) {
    const demand = queue.bands[i]!.planned[llm]
    if (demand === undefined) continue
    sum.requests += demand.requests
    sum.inputTokens += demand.inputTokens
    sum.outputTokens += demand.outputTokens
  }
  return sum
}

/**
 * About how many are served before the next request of a client: all of the higher bands, its own, and of every other
 * client of its band as many as its share allows meanwhile. `own` are those of its own that go first. O(clients).
 */
export function aheadOf(
  { bands }: Queue,
  index: number,
  { client, clientWeight }: Pick<Pending, 'client' | 'clientWeight'>,
  own = bands[index]!.flows.get(client)?.size ?? 0,
): number {
  let ahead = own
  for (let i = 0; i < index; i++) ahead += bands[i]!.size
  for (const other of bands[index]!.backlogged) {
    if (other.client === client) continue
    ahead += Math.min(other.size, Math.floor(((own + 1) * other.weight) / clientWeight))
  }
  return ahead
}

/** About where a waiting request stands now, counted from 1. */
export function positionOf(queue: Queue, { ahead, startedBefore }: Place): number {
  return Math.max(1, Math.min(queue.byId.size, ahead + 1 - (queue.started - startedBefore)))
}

/** Requests that came later and were started first, at least. */
export function passedBy(queue: Queue, { ahead, startedBefore }: Place): number {
  return queue.started - startedBefore - ahead
}

/** The earliest deadline of a waiting request; Infinity when none waits. */
export function nextDeadline(queue: Queue): number {
  return queue.deadlines.items[0]?.deadline ?? Number.POSITIVE_INFINITY
}

/** Takes out and returns the waiting requests whose deadline has come. */
export function takeExpired(queue: Queue, now: number): Pending[] {
  const expired: Pending[] = []
  while (nextDeadline(queue) <= now) {
    const pending = queue.deadlines.items[0]!
    dequeue(queue, pending)
    expired.push(pending)
  }
  return expired
}

/** Moves up a band what has waited for half of its longest wait, so that no priority starves a lower one. */
export function promote(queue: Queue, now: number): void {
  for (;;) {
    const pending = queue.aging.items[0]
    if (pending === undefined || pending.place!.agesAt > now) return
    const place = pending.place!
    const { costs } = place.lane.kind
    const cost = place.expected === null ? null : (costs[place.expected] ?? null)
    leave(queue, pending, null)
    place.band--
    place.agesAt = agesAt(pending, place.band)
    place.lane = laneFor(queue.stocks, queue.bands[place.band]!, pending)
    join(queue, pending, cost)
  }
}

/** After half of its longest wait a request moves up, after half of what is left then again. */
function agesAt({ at, deadline, priority }: Pending, band: number): number {
  const steps = PRIORITIES.indexOf(priority) + 1 - band
  return at + ((deadline - at) * (2 ** steps - 1)) / 2 ** steps
}

function agesBefore(a: Pending, b: Pending): boolean {
  const first = a.place!.agesAt - b.place!.agesAt
  return first < 0 || (first === 0 && a.seq < b.seq)
}
