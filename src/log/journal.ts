import { setImmediate } from 'node:timers'
import type { Event } from '../core/events.ts'
import type { LogStore } from './store.ts'

/** Events that wait for a disk that does not take them; beyond this the oldest are dropped, and counted. */
const BACKLOG_MAX = 50_000
/** Under load, commits follow each other at this distance: a commit costs more than the events in it. */
const COMMIT_INTERVAL_MS = 2
/** Pause between two tries to write while the disk does not take events. */
const RETRY_MS = 1_000

export interface JournalOptions {
  readonly store: Pick<LogStore, 'append'>
  /** Called for every event once it is in the log, in order: what an event sets off starts here. */
  committed(event: Event): void
  /** The log stopped or went on; for people. */
  trouble(message: string): void
}

export interface Journal {
  append(event: Event): void
  /** Writes what waits, without a pause after a failed try. */
  flush(): void
  /** Events that were lost because the log could not be written. */
  dropped(): number
}

/**
 * Group commit: the events of one turn of the event loop, or of a few ms under load, go to the log in one transaction,
 * and only then set off what follows from them. When the log cannot be written, serving goes on and the events are kept
 * and tried again.
 */
export function createJournal({ store, committed, trouble }: JournalOptions): Journal {
  let batch: Event[] = []
  let backlog: Event[] = []
  let scheduled = false
  let retry: ReturnType<typeof setTimeout> | null = null
  let failing = false
  let dropped = 0
  let nextTry = 0
  let lastCommit = Number.NEGATIVE_INFINITY

  function write(events: Event[]): void {
    backlog = backlog.length === 0 ? events : backlog.concat(events)
    if (failing && performance.now() < nextTry) return bound()
    try {
      store.append(backlog)
      backlog = []
      if (failing) trouble(`The event log can be written again; ${dropped} events were lost.`)
      failing = false
    } catch (error) {
      nextTry = performance.now() + RETRY_MS
      if (!failing)
        trouble(
          `The event log cannot be written: ${(error as Error).message}. Serving goes on; events are kept in memory.`,
        )
      failing = true
      bound()
    }
  }

  function bound(): void {
    const excess = backlog.length - BACKLOG_MAX
    if (excess <= 0) return
    backlog.splice(0, excess)
    dropped += excess
  }

  function flush(): void {
    scheduled = false
    lastCommit = performance.now()
    const events = batch
    batch = []
    if (events.length > 0 || backlog.length > 0) write(events)
    for (const event of events) committed(event)
    if (backlog.length > 0 && retry === null) retry = setTimeout(tryAgain, RETRY_MS)
  }

  function tryAgain(): void {
    retry = null
    flush()
  }

  return {
    append(event) {
      batch.push(event)
      if (scheduled) return
      scheduled = true
      const wait = lastCommit + COMMIT_INTERVAL_MS - performance.now()
      if (wait > 0) setTimeout(flush, wait)
      else setImmediate(flush)
    },
    flush() {
      nextTry = 0
      flush()
    },
    dropped: () => dropped,
  }
}
