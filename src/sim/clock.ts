import type { Clock } from '../actors/clock.ts'

/** A clock that stands still until it is told to run, stepping from timer to timer. */
export interface VirtualClock extends Clock {
  /** Fires what is due until `time`, each timer at its own instant; equal instants in the order of arming. */
  runUntil(time: number): void
  advance(ms: number): void
  /** Jumps to the next timer; false when none is armed. O(log n). */
  runNext(): boolean
  /** When the next timer fires; Infinity when none is armed. */
  nextAt(): number
  armed(): number
}

/** Some instant in 2023; no result depends on which. */
export const START = 1_700_000_000_000

interface Timer {
  readonly due: number
  readonly ordinal: number
  readonly fn: () => void
  /** Its place in the heap; -1 once it fired or was cleared. */
  place: number
}

/** Timers are kept in a binary heap in which each knows its place, so that setting and clearing cost O(log n). */
export function createVirtualClock(start = START): VirtualClock {
  let now = start
  let ordinal = 0
  const heap: Timer[] = []

  const runNext = () => {
    const timer = heap[0]
    if (timer === undefined) return false
    remove(heap, timer)
    now = timer.due
    timer.fn()
    return true
  }
  const nextAt = () => heap[0]?.due ?? Number.POSITIVE_INFINITY
  const runUntil = (time: number) => {
    while (nextAt() <= time) runNext()
    now = time
  }
  return {
    now: () => now,
    setTimeout(fn, ms) {
      const timer = { due: now + Math.max(0, ms), ordinal: ordinal++, fn, place: heap.length }
      heap.push(timer)
      rise(heap, timer)
      return timer
    },
    clearTimeout(timer) {
      if (timer !== undefined && timer !== null) remove(heap, timer as Timer)
    },
    runUntil,
    advance: (ms) => runUntil(now + ms),
    runNext,
    nextAt,
    armed: () => heap.length,
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.ordinal < b.ordinal)
}

function put(heap: Timer[], timer: Timer, place: number): void {
  heap[place] = timer
  timer.place = place
}

function remove(heap: Timer[], timer: Timer): void {
  const { place } = timer
  if (place < 0) return
  timer.place = -1
  const last = heap.pop()!
  if (last === timer) return
  put(heap, last, place)
  rise(heap, last)
  sink(heap, last)
}

function rise(heap: Timer[], timer: Timer): void {
  let { place } = timer
  while (place > 0) {
    const above = (place - 1) >> 1
    if (!isBefore(timer, heap[above]!)) break
    put(heap, heap[above]!, place)
    place = above
  }
  put(heap, timer, place)
}

function sink(heap: Timer[], timer: Timer): void {
  let { place } = timer
  for (;;) {
    const left = 2 * place + 1
    if (left >= heap.length) break
    const right = left + 1
    const below = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left
    if (!isBefore(heap[below]!, timer)) break
    put(heap, heap[below]!, place)
    place = below
  }
  put(heap, timer, place)
}
