import type { Needs } from './estimate.ts'
import { PRIORITIES, type Priority, type Weights } from './types.ts'

/** A request from its arrival to its end, as the dispatcher keeps it. */
export interface Pending extends Needs {
  readonly id: string
  readonly seq: number
  readonly at: number
  /** Name of the client that sent it. */
  readonly client: string
  readonly priority: Priority
  readonly deadline: number
  readonly bodyBytes: number
  readonly weights: Weights
  /** Indexes of the LLMs that can ever take it. */
  readonly eligible: number[]
  /** Whether it left the choice of the LLM to us. */
  readonly auto: boolean
  /** The limit it was last passed over for; null while it has not waited. */
  waitingFor: string | null
  attempts: number
  /** LLMs that failed this very request. */
  readonly excluded: Set<number>
}

/**
 * The waiting requests: by priority, then those that came back from a failed attempt, then by age.
 * Adding, removing and finding the next deadline cost O(log n) or less.
 */
export interface Queue {
  /** For each priority first the returned, then the new ones; maps keep the order of insertion. */
  readonly lanes: readonly Map<string, Pending>[]
  /** Binary heap by deadline; entries that left the queue are skipped when they surface. */
  readonly deadlines: Pending[]
  size: number
  bytes: number
}

export function createQueue(): Queue {
  return {
    lanes: Array.from({ length: PRIORITIES.length * 2 }, () => new Map()),
    deadlines: [],
    size: 0,
    bytes: 0,
  }
}

/** Adds a request at the end of its lane. Returns its position, counted from 1. O(log n). */
export function enqueue(queue: Queue, pending: Pending): number {
  const lane = laneOf(pending)
  queue.lanes[lane]!.set(pending.id, pending)
  queue.size++
  queue.bytes += pending.bodyBytes
  if (queue.deadlines.length > COMPACT_AT && queue.deadlines.length > 4 * queue.size) compact(queue)
  pushDeadline(queue.deadlines, pending)
  let position = 0
  for (let i = 0; i <= lane; i++) position += queue.lanes[i]!.size
  return position
}

/** Takes a request out; false when it does not wait. O(1). */
export function dequeue(queue: Queue, pending: Pending): boolean {
  const lane = queue.lanes.find((requests) => requests.get(pending.id) === pending)
  if (lane === undefined) return false
  lane.delete(pending.id)
  queue.size--
  queue.bytes -= pending.bodyBytes
  return true
}

/** The waiting request of this id. O(1). */
export function findWaiting(queue: Queue, id: string): Pending | null {
  for (const requests of queue.lanes) {
    const pending = requests.get(id)
    if (pending !== undefined) return pending
  }
  return null
}

export function isWaiting(queue: Queue, pending: Pending): boolean {
  return findWaiting(queue, pending.id) === pending
}

/** All waiting requests in the order in which they are served. Requests may be removed on the way. */
export function* inOrder(queue: Queue): Generator<Pending, void> {
  for (const lane of queue.lanes) yield* lane.values()
}

/** The earliest deadline of a waiting request; Infinity when none waits. O(1) amortised. */
export function nextDeadline(queue: Queue): number {
  const { deadlines } = queue
  while (deadlines.length > 0 && !isWaiting(queue, deadlines[0]!)) popDeadline(deadlines)
  return deadlines[0]?.deadline ?? Number.POSITIVE_INFINITY
}

/** Takes out and returns the waiting requests whose deadline has come. */
export function takeExpired(queue: Queue, now: number): Pending[] {
  const expired: Pending[] = []
  while (nextDeadline(queue) <= now) {
    const pending = popDeadline(queue.deadlines)!
    dequeue(queue, pending)
    expired.push(pending)
  }
  return expired
}

/** Below this size the heap is not worth tidying. */
const COMPACT_AT = 1024

/** Takes the requests that left the queue out of the heap; a sorted array is a heap. */
function compact(queue: Queue): void {
  const waiting = queue.deadlines.filter((pending) => isWaiting(queue, pending))
  waiting.sort((a, b) => (isBefore(a, b) ? -1 : 1))
  queue.deadlines.length = 0
  for (const pending of new Set(waiting)) queue.deadlines.push(pending)
}

function laneOf(pending: Pending): number {
  return PRIORITIES.indexOf(pending.priority) * 2 + (pending.attempts > 0 ? 0 : 1)
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.seq < b.seq)
}

function pushDeadline(heap: Pending[], pending: Pending): void {
  let i = heap.push(pending) - 1
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!isBefore(pending, heap[parent]!)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = pending
}

function popDeadline(heap: Pending[]): Pending | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return top
  let i = 0
  for (;;) {
    const left = 2 * i + 1
    if (left >= heap.length) break
    const right = left + 1
    const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left
    if (!isBefore(heap[child]!, last)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
  return top
}
