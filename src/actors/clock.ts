/** Time for the actors: a clock that never goes back, and timers. The virtual world brings its own. */
export interface Clock {
  /** Integer ms since 1970. */
  now(): number
  setTimeout(fn: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

/** Longer delays overflow the runtimes' timers, which then fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * The machine's clock: the wall time at the start plus monotonic time since, so that a step of the wall clock
 * moves no window. `notBefore` keeps it from starting earlier than the log ends. Timers never fire early.
 */
export function createSystemClock(notBefore = 0): Clock {
  const origin = Math.max(Date.now(), notBefore) - performance.now()
  const now = () => Math.floor(origin + performance.now())
  return {
    now,
    setTimeout(fn, ms) {
      const due = now() + ms
      const timer = { handle: undefined as ReturnType<typeof setTimeout> | undefined }
      const arm = () => {
        timer.handle = setTimeout(fire, Math.min(Math.max(0, due - now()), LONGEST_TIMER_MS))
      }
      const fire = () => (now() < due ? arm() : fn())
      arm()
      return timer
    },
    clearTimeout(timer) {
      clearTimeout((timer as { handle: ReturnType<typeof setTimeout> } | undefined)?.handle)
    },
  }
}

/**
 * The clock that is given to the actor system. It numbers the timers in the order in which they are armed, which
 * is the same at every replay, and hands each one that is due to `fired`.
 */
export function numberedClock(clock: Clock, fired: (timer: number, run: () => void) => void): Clock {
  let armed = 0
  return {
    now: () => clock.now(),
    setTimeout(fn, ms) {
      const timer = armed++
      return clock.setTimeout(() => fired(timer, fn), ms)
    },
    clearTimeout: (timer) => clock.clearTimeout(timer),
  }
}

const WATCH_MS = 10_000
/** Smaller steps are the ordinary slewing of a clock that is kept on time. */
const JUMP_MS = 1_000

/** Reports steps of the wall clock against the steady one, in ms. Returns the function that stops it. */
export function watchWallClock(clock: Clock, jumped: (byMs: number) => void): () => void {
  let offset = Date.now() - clock.now()
  const timer = setInterval(() => {
    const byMs = Date.now() - clock.now() - offset
    if (Math.abs(byMs) < JUMP_MS) return
    offset += byMs
    jumped(byMs)
  }, WATCH_MS)
  return () => clearInterval(timer)
}
