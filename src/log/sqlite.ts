import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import type { Event, EventOf, EventType } from '../core/events.ts'
import { createReading } from './catalogue/reading.ts'
import {
  CHECKPOINT_SCHEMA,
  NO_CHECKPOINTS,
  pruneToCheckpoint,
  readCheckpoints,
  writeCheckpoints,
} from './checkpoints.ts'
import { pack, type Segment, unpack } from './segment.ts'
import { LogError, type LogReader, type LogStore, type Position } from './store.ts'

/** Version of the schema below, kept in the file's `user_version`. */
const SCHEMA_VERSION = 3
/** The oldest version that can be read, and is upgraded where it is written. */
const OLDEST_VERSION = 2
/** How long a lock of somebody else is waited for. */
const LOCK_TIMEOUT_MS = 1000

/**
 * A segment is one commit: the events of a few ms, packed. A row for each event would cost
 * several times as much to write and to read. The view `event` shows them one by one to anybody with SQL.
 * No index but the key: `seq` finds everything, since time never goes back from one event to the next and a
 * request's id ends in the `seq` of its arrival.
 */
export const SCHEMA = `
CREATE TABLE segment (
  seq    INTEGER PRIMARY KEY,
  at     INTEGER NOT NULL,
  shapes TEXT    NOT NULL,
  events TEXT    NOT NULL
) STRICT;
CREATE VIEW event AS
  SELECT segment.seq + row.key AS seq, segment.at + (row.value->>1) AS at,
         shape.value->>0 AS type, shape.value->>1 AS v, row.value->>2 AS request, row.value->>3 AS llm,
         (SELECT json_group_object(value, row.value->4->key) FROM json_each(shape.value, '$[2]')) AS data
  FROM segment, json_each(segment.events) AS row, json_each(segment.shapes) AS shape
  WHERE shape.key = row.value->>0;
${CHECKPOINT_SCHEMA}`

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
      assertWritable(path)
      return opened(path, { timeout: LOCK_TIMEOUT_MS }, prepare)
    } catch (error) {
      lock.close()
      throw error
    }
  })
  const insert = db.prepare('INSERT INTO segment (seq, at, shapes, events) VALUES (?, ?, ?, ?)')
  const pages = db.prepare(
    'SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size',
  )
  const write = ({ seq, at, shapes, events }: Segment) => void insert.run(seq, at, shapes, events)
  return {
    append(events) {
      if (events.length > 0) write(pack(events))
    },
    write,
    checkpoint: writeCheckpoints(db),
    prune: pruneToCheckpoint(db),
    usedBytes: () => pages.pluck().get() as number,
    ...readerOf(db),
    close() {
      emptyWal(db)
      db.close()
      lock.close()
    },
  }
}

/** Moves all that was committed into the file itself. SQLite would leave it beside a file that was moved meanwhile. */
function emptyWal(db: Database.Database): void {
  try {
    db.pragma('wal_checkpoint(TRUNCATE)')
  } catch {
    // It stays where it is, and is read from there.
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
export function openLogReader(path: string): LogReader & { db: Database.Database } {
  if (!existsSync(path))
    throw new LogError(`There is no event log at ${path}. Has the server run with this configuration?`)
  const db = guarded(path, () =>
    opened(path, { readonly: true, fileMustExist: true }, (found) => {
      if (isEmpty(found)) throw new LogError(bare(path))
      assertVersion(found)
    }),
  )
  return { ...readerOf(db), db }
}

/** Opens a file and makes it ready; a file for which that fails is closed again, since it may be tried for hours. */
function opened(path: string, how: Database.Options, makeReady: (db: Database.Database) => void) {
  const db = new Database(path, how)
  try {
    makeReady(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function readerOf(db: Database.Database): LogReader {
  const reading = createReading()
  const head = db.prepare('SELECT seq, at FROM segment ORDER BY seq LIMIT 1')
  const tail = db.prepare('SELECT * FROM segment ORDER BY seq DESC LIMIT 1')
  const holding = db.prepare('SELECT seq, at FROM segment WHERE seq <= ? ORDER BY seq DESC LIMIT 1')
  const from = db.prepare('SELECT * FROM segment WHERE seq >= ? ORDER BY seq')
  const shaped = db.prepare('SELECT * FROM segment WHERE seq >= ? AND instr(shapes, ?) > 0 ORDER BY seq')
  const having = db.prepare('SELECT * FROM segment WHERE seq >= ? AND instr(events, ?) > 0 ORDER BY seq')
  const naming = db.prepare('SELECT * FROM segment WHERE seq <= ? AND instr(shapes, ?) > 0 ORDER BY seq DESC')

  function* events(segments: Iterable<unknown>, isMeant: (event: Event) => boolean): Generator<Event> {
    for (const segment of segments)
      for (const event of unpack(segment as Segment, reading)) if (isMeant(event)) yield event
  }
  const startAt = (seq: number) => holding.get(seq) as Position | undefined
  const start = (seq: number) => startAt(seq)?.seq ?? 0
  /** The last segment that begins before an instant, which may end after it: by bisection, as time never goes back. */
  function startBefore(at: number): number {
    let low = 0
    let high = startAt(Number.MAX_SAFE_INTEGER)?.seq ?? 0
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const found = startAt(middle)
      if (found === undefined || found.at < at) low = middle
      else high = found.seq - 1
    }
    return start(low)
  }
  return {
    first: () => (head.get() as Position | undefined) ?? { seq: 0, at: 0 },
    last() {
      const segment = tail.get() as Segment | undefined
      if (segment === undefined) return { seq: 0, at: 0 }
      const { seq, at } = unpack(segment, reading).at(-1)!
      return { seq, at }
    },
    read: (since) => events(from.iterate(startBefore(since)), ({ at }) => at >= since),
    readFrom: (seq) => events(from.iterate(start(seq)), (event) => event.seq >= seq),
    readWith: (text, seq) =>
      events(having.iterate(start(seq), JSON.stringify(text).slice(1, -1)), (event) => event.seq >= seq),
    readOf: <T extends EventType>(type: T, seq: number) =>
      events(
        shaped.iterate(start(seq), JSON.stringify(type)),
        (event) => event.type === type && event.seq >= seq,
      ) as IterableIterator<EventOf<T>>,
    ...(versionOf(db) < SCHEMA_VERSION ? NO_CHECKPOINTS : readCheckpoints(db)),
    latest<T extends EventType>(type: T, seq: number) {
      const isMeant = (event: Event): event is Event & EventOf<T> => event.type === type && event.seq <= seq
      for (const segment of naming.iterate(seq, JSON.stringify(type))) {
        const found = unpack(segment as Segment, reading).findLast(isMeant)
        if (found !== undefined) return found
      }
      return null
    },
    close: () => void db.close(),
  }
}

/** SQLite would open a file that may only be read, and complain at the first commit. */
function assertWritable(path: string): void {
  try {
    if (existsSync(path)) accessSync(path, constants.W_OK)
  } catch {
    throw new Error('this user may not write it')
  }
}

function prepare(db: Database.Database): void {
  const fresh = versionOf(db) === 0 && isEmpty(db)
  // Before anything is written: a file that is not ours stays as it is.
  if (!fresh) assertVersion(db)
  const journal = db.pragma('journal_mode = WAL', { simple: true })
  db.pragma('synchronous = NORMAL')
  if (journal !== 'wal') throw new Error(`its journal mode is ${journal}, not wal`)
  if (fresh) define(db, SCHEMA)
  else if (versionOf(db) < SCHEMA_VERSION) define(db, CHECKPOINT_SCHEMA)
  // Of events that a crash kept from the log, whose numbers will be those of others.
  db.prepare('DELETE FROM checkpoint WHERE seq > ?').run(readerOf(db).last().seq)
}

/** Adds what the present version has, in one transaction. */
function define(db: Database.Database, schema: string): void {
  db.exec(`BEGIN IMMEDIATE; ${schema} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
}

function versionOf(db: Database.Database): number {
  return db.pragma('user_version', { simple: true }) as number
}

function isEmpty(db: Database.Database): boolean {
  return db.prepare('SELECT count(*) AS n FROM sqlite_schema').pluck().get() === 0
}

/** Of a copy that was made while the log was written. */
function bare(path: string): string {
  return `Nothing is in the event log ${path}. If it is a copy of a log that was in use: its events were in the -wal file beside it; \`llb log export\` makes a copy of all of them.`
}

function assertVersion(db: Database.Database): void {
  const version = versionOf(db)
  const ours = db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'segment'").pluck().get() === 1
  if (version === 0 || !ours) throw new Error('it is an SQLite file, but not an event log')
  if (version < OLDEST_VERSION)
    throw new Error(`it was written by an older version of this program (log version ${version})`)
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

/** Runs what reads a log; damage that is found by it becomes a LogError. */
export function reading<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const isDamage = error instanceof SyntaxError || error instanceof Database.SqliteError
    throw isDamage ? new LogError(`Cannot read the event log ${path}: ${messageOf(error)}. ${ADVICE}`) : error
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
