/** While no more streams than this are under way, every chunk is handed on the moment it comes. */
const UNPACED_STREAMS = 16
/** With more, a stream hands on what has come at ticks: this far apart for every stream, up to `LONGEST_TICK_MS`. */
const TICK_MS_PER_STREAM = 0.2
const LONGEST_TICK_MS = 40

let streams = 0
let waiting: (() => void)[] = []

/** Notes that a stream begins; gives the function that notes its end. */
export function paceStream(): () => void {
  streams++
  return () => {
    streams--
  }
}

/**
 * Calls `next`, the reading of a stream's next chunk: at once while few streams are under way, else at the next tick
 * together with those of all streams. What comes for a stream between two ticks goes out as one write, and a write
 * is most of what a chunk costs. A stream that is slower than the ticks waits for none.
 */
export function pace(next: () => void): void {
  if (streams <= UNPACED_STREAMS) return next()
  if (waiting.push(next) === 1) setTimeout(tick, Math.min(LONGEST_TICK_MS, streams * TICK_MS_PER_STREAM))
}

function tick(): void {
  const due = waiting
  waiting = []
  for (const next of due) next()
}
