import type { Clock } from '../../actors/clock.ts'

/**
 * The clock of a process that is executed again. It stands where it is set and fires nothing by itself: a timer fires
 * when the log says so, by the order in which it was armed.
 */
export interface ReplayClock extends Clock {
  set(now: number): void
  /** When a timer is due, in ms since 1970; null when it is not armed. */
  dueAt(ordinal: number): number | null
  /** Fires a timer that is armed. */
  fire(ordinal: number): void
}

export function createReplayClock(start: number): ReplayClock {
  let now = start
  let armed = 0
  const timers = new Map<number, { readonly due: number; readonly fn: () => void }>()
  return {
    now: () => now,
    set(time) {
      now = time
    },
    setTimeout(fn, ms) {
      timers.set(armed, { due: now + ms, fn })
      return armed++
    },
    clearTimeout: (timer) => void timers.delete(timer as number),
    dueAt: (ordinal) => timers.get(ordinal)?.due ?? null,
    fire(ordinal) {
      const timer = timers.get(ordinal)
      timers.delete(ordinal)
      timer?.fn()
    },
  }
}
