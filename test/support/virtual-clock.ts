import type { Clock } from '../../src/actors/clock.ts'

/** A clock that stands still until it is told to run, stepping from timer to timer. */
export interface VirtualClock extends Clock {
  /** Fires what is due until `time`, each timer at its own instant; equal instants in the order of arming. */
  runUntil(time: number): void
  advance(ms: number): void
  /** Jumps to the next timer; false when none is armed. */
  runNext(): boolean
  armed(): number
}

/** Some instant in 2023; no test depends on which. */
export const START = 1_700_000_000_000

interface Timer {
  readonly due: number
  readonly fn: () => void
}

export function createVirtualClock(start = START): VirtualClock {
  let now = start
  /** In the order in which they fire. */
  const timers: Timer[] = []

  const runNext = () => {
    const timer = timers.shift()
    if (timer === undefined) return false
    now = timer.due
    timer.fn()
    return true
  }
  const runUntil = (time: number) => {
    while (timers[0] !== undefined && timers[0].due <= time) runNext()
    now = time
  }
  return {
    now: () => now,
    setTimeout(fn, ms) {
      const timer = { due: now + Math.max(0, ms), fn }
      const later = timers.findIndex(({ due }) => due > timer.due)
      timers.splice(later < 0 ? timers.length : later, 0, timer)
      return timer
    },
    clearTimeout(timer) {
      const at = timers.indexOf(timer as Timer)
      if (at >= 0) timers.splice(at, 1)
    },
    runUntil,
    advance: (ms) => runUntil(now + ms),
    runNext,
    armed: () => timers.length,
  }
}

/** A clock for replay: it fires nothing by itself; timers are fired by the order in which they were armed. */
export interface ReplayClock extends Clock {
  set(now: number): void
  /** Throws when that timer is not armed: the replay has come apart from the record. */
  fire(ordinal: number): void
}

export function createReplayClock(start = START): ReplayClock {
  let now = start
  let armed = 0
  const timers = new Map<number, () => void>()
  return {
    now: () => now,
    set(time) {
      now = time
    },
    setTimeout(fn) {
      timers.set(armed, fn)
      return armed++
    },
    clearTimeout: (timer) => void timers.delete(timer as number),
    fire(ordinal) {
      const fn = timers.get(ordinal)
      if (fn === undefined) throw new Error(`timer ${ordinal} is not armed`)
      timers.delete(ordinal)
      fn()
    },
  }
}
