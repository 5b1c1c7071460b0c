import type { Failure } from '../core/events.ts'

/** The time limit of one attempt; it can be set anew for each stage. */
export interface Deadline {
  /** Aborts the attempt in `ms`, at most `TICK_MS` later. `missing` says what had not come by then. */
  restart(ms: number, missing: string): void
  stop(): void
  /** The timeout as a failure, once it has struck. */
  failure(): Failure | null
}

const TICK_MS = 250

interface Entry {
  due: number
  strike(): void
}

const running = new Set<Entry>()
let ticker: ReturnType<typeof setInterval> | null = null

/** Hint: one coarse timer for all attempts, since a timer of their own costs more than all else about them. */
function tick(): void {
  const now = performance.now()
  for (const entry of running) {
    if (entry.due > now) continue
    running.delete(entry)
    entry.strike()
  }
  if (running.size > 0 || ticker === null) return
  clearInterval(ticker)
  ticker = null
}

export function createDeadline(controller: AbortController): Deadline {
  let message: string | null = null
  let text = ''
  const entry: Entry = {
    due: 0,
    strike() {
      message = text
      controller.abort()
    },
  }
  return {
    restart(ms, missing) {
      text = `${missing} within ${ms} ms`
      entry.due = performance.now() + ms
      running.add(entry)
      ticker ??= setInterval(tick, TICK_MS)
    },
    stop: () => void running.delete(entry),
    failure: () =>
      message === null
        ? null
        : { class: 'timeout', status: null, message, retry_after_ms: null, limit: null },
  }
}
