import { MINUTE_MS } from '../../core/time.ts'

/** Commits deleted at once: a few ms of work. A server makes 500 a second at most, and 2,000 can be deleted. */
export const SLICE = 100
export const BETWEEN_SLICES_MS = 50

export interface Retention {
  /** The log, as far as deleting goes; it may be written elsewhere. */
  readonly store: {
    prune(before: number, most: number): number | Promise<number>
    usedBytes(): number | Promise<number>
  }
  /** How long events are kept, in ms, and how long at any rate: windows still count what is younger. */
  readonly keepMs: number
  readonly memoryMs: number
  /** The most that the log is to use of its file. */
  readonly maxBytes: number
  now(): number
  /** The log stays larger than it should be, since the windows of the limits need what is in it; for people. */
  tooSmall(message: string): void
}

/**
 * Deletes what is older than it is kept, and the oldest of what is too much, every minute and in small slices, so that
 * serving never waits for it. Returns the function that stops it.
 */
export function retain(retention: Retention): () => void {
  let isTold = false
  let isStopped = false
  let timer = setTimeout(slice, BETWEEN_SLICES_MS)

  async function slice(): Promise<void> {
    const more = await prune()
    if (!isStopped) timer = setTimeout(slice, more ? BETWEEN_SLICES_MS : MINUTE_MS)
  }

  /** Whether there may be more. A log that cannot be written has its own report; old events then wait. */
  async function prune(): Promise<boolean> {
    const { store, memoryMs, maxBytes, now } = retention
    try {
      const isTooMuch = (await store.usedBytes()) > maxBytes
      const keepMs = isTooMuch ? memoryMs : Math.max(retention.keepMs, memoryMs)
      const deleted = await store.prune(now() - keepMs, SLICE)
      if (isTooMuch && deleted === 0) tell()
      return deleted === SLICE || (isTooMuch && deleted > 0)
    } catch {
      return false
    }
  }

  function tell(): void {
    if (isTold) return
    isTold = true
    retention.tooSmall(
      'The event log is larger than event_log.max_size: the limits still need what is in it. Raise event_log.max_size.',
    )
  }

  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
