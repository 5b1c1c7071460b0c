import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import type { Event } from '../core/events.ts'
import { LogError, type LogStore } from './store.ts'

/** Version of the schema below, kept in the file's `user_version`. */
const SCHEMA_VERSION = 1

/**
 * A segment is one commit: the events of a few ms as a JSON array. A row for each event would cost
 * several times as much to write and to read. The view `event` shows them one by one to anybody with SQL.
 * No index but the key: `seq` finds everything, since time never goes back from one event to the next and a
 * request's id ends in the `seq` of its arrival.
 */
const SCHEMA = `
CREATE TABLE segment (
  seq    INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  events TEXT    NOT NULL
) STRICT;
CREATE VIEW event AS
  SELECT value->>'seq' AS seq, value->>'at' AS at, value->>'type' AS type, value->>'v' AS v,
         value->>'request' AS request, value->>'llm' AS llm, value->'data' AS data
  FROM segment, json_each(segment.events);
`

/**
 * Opens the log for writing and makes it where there is none: SQLite in WAL mode with synchronous NORMAL, which
 * survives a crash of the process; a loss of power may take the last moments with it.
 * Throws a LogError when the file is not a log, is newer than this program, cannot be written, or is written by
 * another process.
 */
export function openLog(path: string): LogStore {
  mkdirOf(path)
  const lock = guarded(path, () => lockOf(path))
  const db = guarded(path, () => {
    try {
      return prepared(new Database(path))
    } catch (error) {
      lock.close()
      throw error
    }
  })
  const insert = db.prepare('INSERT INTO segment (seq, at, events) VALUES (?, ?, ?)')
  // The last commit stays, however old: the sequence goes on from it.
  const oldest =
    'SELECT seq FROM segment WHERE at < ? AND seq < (SELECT max(seq) FROM segment) ORDER BY seq LIMIT ?'
  const prune = db.prepare(`DELETE FROM segment WHERE seq IN (${oldest})`)
  return {
    append(events) {
      const first = events[0]
      if (first !== undefined) insert.run(first.seq, first.at, JSON.stringify(events))
    },
    prune: (before, most) => prune.run(before, most).changes,
    ...readerOf(db),
    close() {
      db.close()
      lock.close()
    },
  }
}

/**
 * Keeps the log for this process alone: a second one would give the same numbers to other events, and know nothing
 * of what the first has spent. A lock within the log itself would keep readers out. The system lifts this one when
 * the process ends, however it ends.
 */
function lockOf(path: string): Database.Database {
  const lock = new Database(`${path}.lock`, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error
    throw new LogError(
      `Another process is writing the event log ${path}. Stop it first, or set event_log.path to another file.`,
    )
  }
}

/** Opens an existing log for reading only, beside a process that writes it. */
export function openLogReader(path: string): Omit<LogStore, 'append' | 'prune'> & { db: Database.Database } {
  if (!existsSync(path))
    throw new LogError(`There is no event log at ${path}. Has the server run with this configuration?`)
  const db = guarded(path, () => {
    const opened = new Database(path, { readonly: true, fileMustExist: true })
    assertVersion(opened)
    return opened
  })
  return { ...readerOf(db), db }
}

function readerOf(db: Database.Database): Omit<LogStore, 'append' | 'prune'> {
  const tail = db.prepare('SELECT events FROM segment ORDER BY seq DESC LIMIT 1').pluck()
  // The segment before the first that begins in time may end in it.
  const before = db.prepare('SELECT seq FROM segment WHERE at < ? ORDER BY seq DESC LIMIT 1').pluck()
  const from = db.prepare('SELECT events FROM segment WHERE seq >= ? ORDER BY seq').pluck()
  return {
    last() {
      const event = parse(tail.get() as string | undefined).at(-1)
      return event === undefined ? { seq: 0, at: 0 } : { seq: event.seq, at: event.at }
    },
    *read(since) {
      const start = (before.get(since) as number | undefined) ?? 0
      for (const events of from.iterate(start) as IterableIterator<string>) {
        for (const event of parse(events)) if (event.at >= since) yield event
      }
    },
    close: () => void db.close(),
  }
}

function parse(events: string | undefined): Event[] {
  return events === undefined ? [] : (JSON.parse(events) as Event[])
}

function prepared(db: Database.Database): Database.Database {
  const fresh = db.pragma('user_version', { simple: true }) === 0 && isEmpty(db)
  // Before anything is written: a file that is not ours stays as it is.
  if (!fresh) assertVersion(db)
  const journal = db.pragma('journal_mode = WAL', { simple: true })
  db.pragma('synchronous = NORMAL')
  if (journal !== 'wal') throw new Error(`its journal mode is ${journal}, not wal`)
  if (fresh) db.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
  return db
}

function isEmpty(db: Database.Database): boolean {
  return db.prepare('SELECT count(*) AS n FROM sqlite_schema').pluck().get() === 0
}

function assertVersion(db: Database.Database): void {
  const version = db.pragma('user_version', { simple: true }) as number
  const ours = db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'segment'").pluck().get() === 1
  if (version < SCHEMA_VERSION || !ours) throw new Error('it is an SQLite file, but not an event log')
  if (version > SCHEMA_VERSION)
    throw new Error(`it was written by a newer version of this program (log version ${version})`)
}

function mkdirOf(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (error) {
    throw new LogError(`Cannot make the folder for the event log ${path}: ${messageOf(error)}. ${ADVICE}`)
  }
}

const ADVICE = 'Set event_log.path to a file that this user may write, or move the old file away.'

function guarded<T>(path: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (error instanceof LogError) throw error
    throw new LogError(`Cannot use the event log ${path}: ${messageOf(error)}. ${ADVICE}`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
