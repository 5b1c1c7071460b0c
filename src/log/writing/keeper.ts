import { statSync } from 'node:fs'
import { type Segment, unpack } from '../segment.ts'
import { openLog } from '../sqlite.ts'
import { type CheckpointText, LogError, type LogStore } from '../store.ts'

/** How often it is looked whether the files are still where they were. */
const LOOK_MS = 1_000

/** A log that outlives its file. Every call throws what keeps it from being done, in words for people. */
export interface Keeper {
  /** Writes a batch that was packed, once however often it is asked for; true when the log begins anew with it. */
  write(segment: Segment): boolean
  /** Stores a checkpoint of what is in the log; of more than that, none. */
  checkpoint(checkpoint: CheckpointText): void
  prune(before: number, most: number): number
  usedBytes(): number
  close(): void
}

/**
 * Opens the log, and opens it again where its file was moved, deleted or replaced. A file that is gone takes no
 * complaint from SQLite, which goes on writing where nobody will read.
 */
export function keepLog(path: string, now: () => number = () => performance.now()): Keeper {
  let log: LogStore | null = openLog(path)
  let files = filesOf(path)
  let looked = now()

  function isMoved(): boolean {
    if (now() - looked < LOOK_MS) return false
    looked = now()
    return files !== filesOf(path)
  }

  /** Opens the log anew for a batch, which has to come after all that is in it. */
  function renewed(seq: number): LogStore {
    const opened = openLog(path)
    if (opened.last().seq >= seq) {
      opened.close()
      throw new LogError(`The event log ${path} is another one than at the start. Move it away.`)
    }
    files = filesOf(path)
    looked = now()
    return opened
  }

  function close(): void {
    log?.close()
    log = null
  }

  return {
    write(segment) {
      if (isMoved()) close()
      const isNew = log === null
      log ??= renewed(segment.seq)
      try {
        log.write(segment)
      } catch (error) {
        if (!holds(log, segment)) throw explained(error)
      }
      return isNew
    },
    checkpoint(checkpoint) {
      // Events that the disk has not taken may never come, and others would stand in their place.
      if (log !== null && log.last().seq >= checkpoint.seq) log.checkpoint(checkpoint)
    },
    prune: (before, most) => log?.prune(before, most) ?? 0,
    usedBytes: () => log?.usedBytes() ?? 0,
    close,
  }
}

/** Which files the log consists of, by the numbers that the file system gives them. */
function filesOf(path: string): string {
  return [path, `${path}-wal`].map((one) => statSync(one, { throwIfNoEntry: false })?.ino ?? 0).join()
}

/** Whether the batch is in the log already, because whoever wrote it ended before it could say so. */
function holds(log: LogStore, segment: Segment): boolean {
  try {
    const events = unpack(segment)
    const there = Iterator.from(log.readFrom(segment.seq)).take(events.length)
    return JSON.stringify([...there]) === JSON.stringify(events)
  } catch {
    return false
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  SQLITE_FULL: 'make room on its disk',
  SQLITE_IOERR: 'check its disk',
  SQLITE_BUSY: 'end the program that keeps it locked',
  SQLITE_READONLY: 'let this user write it',
  SQLITE_CORRUPT: 'move the file away, and a new one is begun',
  SQLITE_NOTADB: 'move the file away, and a new one is begun',
}

/** The error with what can be done about it. */
function explained(error: unknown): LogError {
  const { message, code = '' } = error as Error & { code?: string }
  const advice = Object.entries(ADVICE).find(([name]) => code.startsWith(name))?.[1]
  return new LogError(advice === undefined ? message : `${message}; ${advice}`)
}
