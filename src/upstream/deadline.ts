import type { Failure } from '../core/events.ts'

const TICK_MS = 250

/** Hint: an array whose gaps are closed by its last entry, since a Set holds on to what was deleted from it. */
const running: Deadline[] = []
let ticker: ReturnType<typeof setInterval> | null = null

/** Hint: one coarse timer for all attempts, since a timer of their own costs more than all else about them. */
function tick(): void {
  const now = performance.now()
  for (const deadline of running.filter(({ due }) => due <= now)) deadline.strike()
  if (running.length > 0 || ticker === null) return
  clearInterval(ticker)
  ticker = null
}

/** The time limit of one attempt; it can be set anew for each stage. */
export class Deadline {
  readonly #controller: AbortController
  #ms = 0
  #missing = ''
  #struck = false
  /** Index in `running`, -1 while it does not run. */
  #place = -1
  /** When it strikes, as `performance.now()` counts. */
  due = 0

  constructor(controller: AbortController) {
    this.#controller = controller
  }

  /** Aborts the attempt in `ms`, at most `TICK_MS` later. `missing` says what had not come by then. */
  restart(ms: number, missing: string): void {
    this.#ms = ms
    this.#missing = missing
    this.due = performance.now() + ms
    if (this.#place < 0) this.#place = running.push(this) - 1
    ticker ??= setInterval(tick, TICK_MS)
  }

  stop(): void {
    if (this.#place < 0) return
    const last = running.pop()!
    if (last !== this) {
      running[this.#place] = last
      last.#place = this.#place
    }
    this.#place = -1
  }

  strike(): void {
    this.stop()
    this.#struck = true
    this.#controller.abort()
  }

  /** The timeout as a failure, once it has struck. */
  failure(): Failure | null {
    if (!this.#struck) return null
    const message = `${this.#missing} within ${this.#ms} ms`
    return { class: 'timeout', status: null, message, retry_after_ms: null, limit: null }
  }
}
