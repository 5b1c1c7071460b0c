import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkpointOf } from '../../src/core/checkpoint.ts'
import { createFold } from '../../src/core/fold.ts'
import { openLog, openLogReader } from '../../src/log/sqlite.ts'
import { pack } from '../../src/log/segment.ts'
import { LogError, type LogStore, type StoredCheckpoint } from '../../src/log/store.ts'
import { event, ticks } from '../support/events.ts'
import { arrival } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-log-'))
  path = join(folder, 'events.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A checkpoint of nobody, which the log has no need to understand. */
function checkpoint(seq: number, configHash = 'a'): StoredCheckpoint {
  const state = checkpointOf(createFold([]), START)
  return { seq, at: START + seq, configHash, config: { of: configHash }, state }
}

function put(log: LogStore, seq: number, configHash = 'a'): void {
  const { state, ...rest } = checkpoint(seq, configHash)
  log.checkpoint({ ...rest, state: JSON.stringify(state) })
}

/** The schema of log version 2, as programs wrote it. */
const SCHEMA_2 = `
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
`

/** A database of somebody else, with their own idea of a version. */
function givenForeignFile(version: number): Buffer {
  const db = new Database(path)
  db.exec('CREATE TABLE cake (recipe TEXT)')
  db.pragma(`user_version = ${version}`)
  db.close()
  return readFileSync(path)
}

describe('a log', () => {
  test('gives back what was appended, whole and in order', () => {
    const log = openLog(path)
    const received = event(1, 'request.received', arrival({ model: 'ä "quoted" \u2028 name' }), {
      request: 'r',
    })
    const rest = ticks(40, 2)
    log.append([received, ...rest])
    expect([...log.read(0)]).toEqual([received, ...rest])
    log.close()
  })

  test('knows its last event, and that an empty one has none', () => {
    const log = openLog(path)
    expect(log.last()).toEqual({ seq: 0, at: 0 })
    log.append([])
    expect(log.last()).toEqual({ seq: 0, at: 0 })
    log.append(ticks(3))
    log.append(ticks(2, 4))
    expect(log.last()).toEqual({ seq: 5, at: START + 5 })
    log.close()
  })

  test('is read from any event on, and by what stands in its events', () => {
    const log = openLog(path)
    expect(log.first()).toEqual({ seq: 0, at: 0 })
    log.append(ticks(10))
    log.append([event(11, 'request.abandoned', { while: 'queued' }, { request: 'req_"ä"' })])
    log.append(ticks(10, 12))
    expect(log.first()).toEqual({ seq: 1, at: START + 1 })
    expect([...log.readFrom(5)].map(({ seq }) => seq)).toEqual([
      5,
      6,
      7,
      8,
      9,
      ...ticks(12, 10).map(({ seq }) => seq),
    ])
    expect([...log.readFrom(22)]).toEqual([])
    expect([...log.readWith('req_"ä"', 3)].map(({ seq }) => seq)).toEqual([11])
    expect([...log.readWith('req_other', 1)]).toEqual([])
    log.close()
  })

  test('finds the last event of a type that is not beyond a place', () => {
    const log = openLog(path)
    log.append(ticks(5))
    log.append([
      event(6, 'clock.jumped', { by_ms: 1 }),
      event(7, 'clock.jumped', { by_ms: 2 }),
      ...ticks(3, 8),
    ])
    log.append(ticks(5, 11))
    const jumped = (seq: number) => log.latest('clock.jumped', seq)?.data.by_ms ?? null
    expect([5, 6, 7, 10, 15, 99].map(jumped)).toEqual([null, 1, 2, 2, 2, 2])
    expect(log.latest('process.started', 15)).toBeNull()
    log.close()
  })

  test('is there again after it was closed, and goes on where it ended', () => {
    const first = openLog(path)
    first.append(ticks(10))
    first.close()
    const second = openLog(path)
    second.append(ticks(10, second.last().seq + 1))
    expect([...second.read(0)].map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    second.close()
  })

  test.each([1, 63, 64, 65, 500])(
    'read from an instant on, in batches of %d, misses nothing and adds nothing',
    (size) => {
      const log = openLog(path)
      // Five events share each instant, so that a cut falls between equals.
      const events = ticks(1000).map((one) => ({ ...one, at: START + Math.floor(one.seq / 5) }))
      for (let i = 0; i < events.length; i += size) log.append(events.slice(i, i + size))
      for (const since of [0, START, START + 1, START + 99, START + 199, START + 200, START + 201]) {
        expect([...log.read(since)]).toEqual(events.filter(({ at }) => at >= since))
      }
      log.close()
    },
  )

  test('takes a batch whole or not at all', () => {
    const log = openLog(path)
    log.append(ticks(5))
    expect(() => log.append(ticks(5))).toThrow()
    const circular: Record<string, unknown> = {}
    circular.self = circular
    expect(() => log.append([...ticks(2, 6), event(8, 'timer.fired', circular as never)])).toThrow()
    expect(log.last().seq).toBe(5)
    expect([...log.read(0)]).toHaveLength(5)
    log.close()
  })

  test('is rid of its oldest commits, a few at a time, but never of its end', () => {
    const log = openLog(path)
    for (let seq = 1; seq <= 20; seq += 2) log.append(ticks(2, seq))
    put(log, 6)
    expect(log.prune(START + 7, 2)).toBe(2)
    expect([...log.read(0)][0]!.seq).toBe(5)
    expect(log.prune(START + 7, 100)).toBe(1)
    expect([...log.read(0)][0]!.seq).toBe(7)
    expect(log.prune(START + 7, 100)).toBe(0)
    put(log, 20)
    log.prune(START + 1000, 100)
    expect(log.last()).toEqual({ seq: 20, at: START + 20 })
    log.close()
  })

  test('keeps what no checkpoint can tell, and with it the checkpoint that the rest begins at', () => {
    const log = openLog(path)
    for (let seq = 1; seq <= 20; seq += 4) log.append(ticks(4, seq))
    expect(log.prune(START + 1000, 100)).toBe(0)
    for (const seq of [3, 10, 18]) put(log, seq)
    expect(log.prune(START + 18, 100)).toBe(2)
    // The commit of the events 9 to 12 holds the event after the checkpoint.
    expect(log.first().seq).toBe(9)
    expect([9, 10, 17, 18, 30].map((seq) => log.lastCheckpoint(seq)?.seq)).toEqual([
      undefined,
      10,
      10,
      18,
      18,
    ])
    log.close()
  })

  test('gives back its checkpoints, of any configuration or of one', () => {
    const log = openLog(path)
    log.append(ticks(20))
    expect(log.lastCheckpoint(20)).toBe(null)
    for (const [seq, hash] of [
      [5, 'a'],
      [10, 'b'],
      [15, 'a'],
    ] as const)
      put(log, seq, hash)
    expect(log.lastCheckpoint(20)).toEqual(checkpoint(15, 'a'))
    expect(log.lastCheckpoint(14)).toEqual(checkpoint(10, 'b'))
    expect(log.lastCheckpoint(14, 'a')).toEqual(checkpoint(5, 'a'))
    expect(log.lastCheckpoint(4)).toBe(null)
    const reader = openLogReader(path)
    expect(reader.lastCheckpoint(20, 'b')).toEqual(checkpoint(10, 'b'))
    reader.close()
    log.close()
  })

  test('has no checkpoint of events that a crash kept from it', () => {
    const log = openLog(path)
    log.append(ticks(5))
    put(log, 5)
    put(log, 9)
    log.close()
    const next = openLog(path)
    next.append(ticks(10, 6))
    expect(next.lastCheckpoint(15)).toEqual(checkpoint(5))
    next.close()
  })

  test('tells what of its file it uses, which falls when it is pruned', () => {
    const log = openLog(path)
    for (let seq = 1; seq <= 4000; seq += 100) log.append(ticks(100, seq))
    put(log, 4000)
    const before = log.usedBytes()
    expect(before).toBeGreaterThan(40_000)
    log.prune(START + 5000, 1000)
    expect(log.usedBytes()).toBeLessThan(before / 2)
    log.close()
  })

  test('of the version before is upgraded where it is written, and loses nothing', () => {
    const old = new Database(path)
    old.exec(`${SCHEMA_2} PRAGMA user_version = 2`)
    const { seq, at, shapes, events } = pack(ticks(5))
    old.prepare('INSERT INTO segment VALUES (?, ?, ?, ?)').run(seq, at, shapes, events)
    old.close()
    const reader = openLogReader(path)
    expect([...reader.read(0)]).toEqual(ticks(5))
    expect(reader.lastCheckpoint(5)).toBe(null)
    reader.close()
    const log = openLog(path)
    expect([...log.read(0)]).toEqual(ticks(5))
    log.append(ticks(5, 6))
    put(log, 10)
    expect([...log.read(0)]).toEqual(ticks(10))
    log.close()
    const upgraded = new Database(path, { readonly: true })
    expect(upgraded.pragma('user_version', { simple: true })).toBe(3)
    expect(upgraded.prepare('SELECT count(*) FROM event').pluck().get()).toBe(10)
    upgraded.close()
  })

  test('can be read by another beside its writer', () => {
    const log = openLog(path)
    log.append(ticks(5))
    const reader = openLogReader(path)
    log.append(ticks(5, 6))
    expect([...reader.read(0)]).toHaveLength(10)
    reader.close()
    log.close()
  })

  test('is made together with its folder', () => {
    const deep = join(folder, 'a', 'b', 'events.db')
    openLog(deep).close()
    expect(openLogReader(deep).last()).toEqual({ seq: 0, at: 0 })
  })
})

describe('what is not a log is refused with advice, and left as it is:', () => {
  const refused = (text: RegExp) => {
    for (const open of [openLog, openLogReader]) {
      expect(() => open(path)).toThrow(LogError)
      expect(() => open(path)).toThrow(text)
    }
  }

  test.each([0, 1])('a database of something else (version %d)', (version) => {
    const before = givenForeignFile(version)
    refused(/is an SQLite file, but not an event log\. Set event_log\.path/)
    expect(readFileSync(path)).toEqual(before)
  })

  test('a log of a newer version of this program', () => {
    openLog(path).close()
    const db = new Database(path)
    db.pragma('user_version = 99')
    db.close()
    refused(/written by a newer version of this program \(log version 99\)/)
  })

  test('a file that is no database', () => {
    writeFileSync(path, 'Dear diary, '.repeat(100))
    refused(/file is not a database/)
    expect(readFileSync(path, 'utf8')).toBe('Dear diary, '.repeat(100))
  })

  test('a folder', () => {
    mkdirSync(path)
    refused(/Cannot use the event log/)
  })
})

test('a place that cannot be written is refused with advice', () => {
  writeFileSync(join(folder, 'file'), '')
  const below = join(folder, 'file', 'events.db')
  expect(() => openLog(below)).toThrow(/Cannot make the folder for the event log .* Set event_log\.path/)
})

test.skipIf(process.getuid?.() === 0)('a folder that is read-only is refused with advice', () => {
  chmodSync(folder, 0o500)
  expect(() => openLog(path)).toThrow(LogError)
  chmodSync(folder, 0o700)
})

test('reading a copy of a log in use that was made without its -wal file says what is missing', () => {
  const log = openLog(path)
  log.append(ticks(5))
  const copy = join(folder, 'copy.db')
  copyFileSync(path, copy)
  log.close()
  expect(() => openLogReader(copy)).toThrow(/^Nothing is in the event log .+copy\.db\. .+-wal.+log export/)
})

test('reading where there is no log asks whether the server has run', () => {
  expect(() => openLogReader(path)).toThrow(
    `There is no event log at ${path}. Has the server run with this configuration?`,
  )
})
