import type { LogWriter } from './store.ts'
import { HOUR_MS } from '../core/time.ts'

/** Commits deleted at once: a few ms of work. */
const SLICE = 500
const BETWEEN_SLICES_MS = 50

/**
 * Deletes what is older than `keepMs`, every hour and in small slices, so that serving never waits for it. Returns
 * the function that stops it.
 */
export function retain(writer: Pick<LogWriter, 'prune'>, keepMs: number, now: () => number): () => void {
  let stopped = false
  let timer = setTimeout(slice, BETWEEN_SLICES_MS)

  async function slice(): Promise<void> {
    const more = (await prune()) === SLICE
    if (!stopped) timer = setTimeout(slice, more ? BETWEEN_SLICES_MS : HOUR_MS)
  }

  /** A log that cannot be written has its own report; old events then wait for the next hour. */
  async function prune(): Promise<number> {
    try {
      return await writer.prune(now() - keepMs, SLICE)
    } catch {
      return 0
    }
  }

  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
