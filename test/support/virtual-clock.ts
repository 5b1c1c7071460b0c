import type { Clock } from '../../src/actors/clock.ts'
import { START } from '../../src/sim/clock.ts'

export { createVirtualClock, START, type VirtualClock } from '../../src/sim/clock.ts'

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
