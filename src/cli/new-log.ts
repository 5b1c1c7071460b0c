import type { Event } from '../core/events.ts'
import { openLog } from '../log/sqlite.ts'
import { LogError, type LogReader } from '../log/store.ts'

/** Events that are written at once. */
const BATCH = 1000

/** A log that is filled by a command. */
export interface NewLog {
  add(event: Event): void
  /** Writes what waits, and ends. */
  close(): void
}

/** Makes a log of events that no server recorded. Throws a LogError for a file that holds events already. */
export function createNewLog(path: string): NewLog {
  const log = openLog(path)
  assertEmpty(log, path)
  let batch: Event[] = []
  const write = () => {
    log.append(batch)
    batch = []
  }
  return {
    add(event) {
      if (batch.push(event) === BATCH) write()
    },
    close() {
      write()
      log.close()
    },
  }
}

/** Throws a LogError for a log that holds events, and closes it then. */
export function assertEmpty(log: LogReader, path: string): void {
  if (log.last().seq === 0) return
  log.close()
  throw new LogError(`${path} has events already. Name another file with --log.`)
}
