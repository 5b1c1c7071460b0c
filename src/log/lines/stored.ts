import type Database from 'better-sqlite3'
import type { Event } from '../../core/events.ts'
import { type Segment, unpack } from '../segment.ts'
import { LogError } from '../store.ts'

/** Segments read at once, so that the file is not held for long. */
const PAGE = 50

/**
 * Every event of a log as it is stored, in whatever version, with what is damaged told instead of thrown: the file
 * as SQLite sees it, and commits that hold no events.
 */
export function* storedEvents(db: Database.Database, tell: (problem: string) => void): Generator<Event> {
  try {
    for (const found of db.prepare('PRAGMA integrity_check').pluck().all())
      if (found !== 'ok') tell(shortly(String(found)))
    for (const segment of segmentsOf(db)) yield* eventsOf(segment, tell)
  } catch (error) {
    if ((error as Error).name !== 'SqliteError') throw error
    tell(`the file is damaged: ${(error as Error).message}`)
  }
}

/** What SQLite found, of which it may write a page: a line for each page of the file, under a title in asterisks. */
function shortly(found: string): string {
  const [first = found, ...more] = found.split('\n').filter((line) => !line.startsWith('***'))
  return more.length === 0 ? first : `${first} (and ${more.length} more of the kind)`
}

/** About how many events there are, for who waits; 0 where the file does not tell. */
export function countOf(db: Database.Database): number {
  try {
    return (db.prepare('SELECT max(seq) - min(seq) FROM segment').pluck().get() as number | null) ?? 0
  } catch {
    return 0
  }
}

function* segmentsOf(db: Database.Database): Generator<Segment> {
  const next = db.prepare('SELECT seq, at, shapes, events FROM segment WHERE seq > ? ORDER BY seq LIMIT ?')
  let seq = Number.NEGATIVE_INFINITY
  for (;;) {
    const page = next.all(seq, PAGE) as Segment[]
    if (page.length === 0) return
    yield* page
    seq = page.at(-1)!.seq
  }
}

function eventsOf(segment: Segment, tell: (problem: string) => void): Event[] {
  try {
    return unpack(segment)
  } catch (error) {
    if (!(error instanceof LogError)) throw error
    tell(`the commit that begins with event ${segment.seq} holds no events`)
    return []
  }
}
