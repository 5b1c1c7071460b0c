import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import type { Event } from '../core/events.ts'
import { LogError, type LogStore } from './store.ts'

/** Version of the table below, kept in the file's `user_version`. */
const SCHEMA_VERSION = 1

const SCHEMA = `
CREATE TABLE event (
  seq     INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  type    TEXT    NOT NULL,
  v       INTEGER NOT NULL,
  request TEXT,
  llm     TEXT,
  data    TEXT    NOT NULL
) STRICT;
CREATE INDEX event_at ON event(at) WHERE seq % 64 = 0;
CREATE INDEX event_request ON event(request) WHERE request IS NOT NULL;
`

interface Row extends Omit<Event, 'data'> {
  data: string
}

/**
 * Opens the log for writing and makes it where there is none: SQLite in WAL mode with synchronous NORMAL, which
 * survives a crash of the process; a loss of power may take the last moments with it.
 * Throws a LogError when the file is not a log, is newer than this program, or cannot be written.
 */
export function openLog(path: string): LogStore {
  mkdirOf(path)
  const db = guarded(path, () => prepared(new Database(path)))
  const insert = db.prepare(
    'INSERT INTO event (seq, at, type, v, request, llm, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const append = db.transaction((events: readonly Event[]) => {
    for (const { seq, at, type, v, request, llm, data } of events) {
      insert.run(seq, at, type, v, request, llm, JSON.stringify(data))
    }
  })
  return { append: (events) => void append(events), ...readerOf(db) }
}

/** Opens an existing log for reading only, beside a process that writes it. */
export function openLogReader(path: string): Omit<LogStore, 'append'> & { db: Database.Database } {
  if (!existsSync(path))
    throw new LogError(`There is no event log at ${path}. Has the server run with this configuration?`)
  const db = guarded(path, () => {
    const opened = new Database(path, { readonly: true, fileMustExist: true })
    assertVersion(opened)
    return opened
  })
  return { ...readerOf(db), db }
}

function readerOf(db: Database.Database): Omit<LogStore, 'append'> {
  const last = db.prepare('SELECT seq, at FROM event ORDER BY seq DESC LIMIT 1')
  const from = db.prepare(
    'SELECT seq FROM event WHERE seq % 64 = 0 AND at < ? ORDER BY at DESC, seq DESC LIMIT 1',
  )
  const read = db.prepare('SELECT * FROM event WHERE seq > ? AND at >= ? ORDER BY seq')
  return {
    last: () => (last.get() as { seq: number; at: number } | undefined) ?? { seq: 0, at: 0 },
    *read(since) {
      const seq = (from.get(since) as { seq: number } | undefined)?.seq ?? 0
      for (const row of read.iterate(seq, since) as IterableIterator<Row>) {
        yield { ...row, data: JSON.parse(row.data) } as unknown as Event
      }
    },
    close: () => void db.close(),
  }
}

function prepared(db: Database.Database): Database.Database {
  const journal = db.pragma('journal_mode = WAL', { simple: true })
  db.pragma('synchronous = NORMAL')
  if (journal !== 'wal') throw new Error(`its journal mode is ${journal}, not wal`)
  if (db.pragma('user_version', { simple: true }) === 0 && isEmpty(db)) {
    db.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
  }
  assertVersion(db)
  return db
}

function isEmpty(db: Database.Database): boolean {
  return db.prepare('SELECT count(*) AS n FROM sqlite_schema').pluck().get() === 0
}

function assertVersion(db: Database.Database): void {
  const version = db.pragma('user_version', { simple: true }) as number
  if (version > SCHEMA_VERSION)
    throw new Error(`it was written by a newer version of this program (log version ${version})`)
  if (version !== SCHEMA_VERSION) throw new Error('it is an SQLite file, but not an event log')
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
    throw new LogError(`Cannot use the event log ${path}: ${messageOf(error)}. ${ADVICE}`)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
