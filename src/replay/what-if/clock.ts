import type { Clock } from '../../actors/clock.ts'
import type { VirtualClock } from '../../sim/clock.ts'

/**
 * The clock of a process that follows a log as long as that is possible: a timer fires when the log says so, by the
 * order in which it was armed. From `release` on it runs by itself, and each timer fires when it is due.
 */
export interface FollowingClock extends Clock {
  /** When the timer that was armed as the n-th is due; null when it is not armed. For a clock that follows. */
  dueAt(ordinal: number): number | null
  /** When the next timer is due; Infinity when none is armed. For a clock that follows. */
  nextDue(): number
  fire(ordinal: number): void
  release(): void
}

interface Timer {
  readonly fn: () => void
  readonly due: number
  /** On the world's clock, once it is released. */
  handle: unknown
}

/** @param world The time of the whole world, in which nothing is armed while the clock follows. */
export function createFollowingClock(world: VirtualClock): FollowingClock {
  let follows = true
  let armed = 0
  const timers = new Map<number, Timer>()
  const arm = (timer: Timer) => {
    timer.handle = world.setTimeout(timer.fn, timer.due - world.now())
  }
  return {
    now: () => world.now(),
    setTimeout(fn, ms) {
      const timer: Timer = { fn, due: world.now() + Math.max(0, ms), handle: null }
      if (!follows) {
        arm(timer)
        return timer
      }
      timers.set(armed, timer)
      return armed++
    },
    clearTimeout(timer) {
      if (typeof timer !== 'number') return world.clearTimeout((timer as Timer | undefined)?.handle)
      world.clearTimeout(timers.get(timer)?.handle)
      timers.delete(timer)
    },
    dueAt: (ordinal) => timers.get(ordinal)?.due ?? null,
    nextDue: () =>
      [...timers.values()].reduce((least, { due }) => Math.min(least, due), Number.POSITIVE_INFINITY),
    fire(ordinal) {
      const timer = timers.get(ordinal)
      timers.delete(ordinal)
      timer?.fn()
    },
    release() {
      follows = false
      for (const timer of [...timers.values()].sort((one, other) => one.due - other.due)) arm(timer)
    },
  }
}
