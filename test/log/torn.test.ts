import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkpointOf } from '../../src/core/checkpoint.ts'
import { createFold } from '../../src/core/fold.ts'
import { openLog } from '../../src/log/sqlite.ts'
import { ticks } from '../support/events.ts'
import { START } from '../support/virtual-clock.ts'

const BATCHES = 30
const EVENTS = 10 * BATCHES
const state = JSON.stringify(checkpointOf(createFold([]), START))

let folder: string
let written: Buffer
const torn = () => join(folder, 'torn.db')

/** A log of which all but the schema is in the WAL, as the system has both files while its process runs. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-torn-'))
  const path = join(folder, 'events.db')
  openLog(path).close()
  const log = openLog(path)
  for (let i = 0; i < BATCHES; i++) log.append(ticks(10, 1 + 10 * i))
  log.checkpoint({ seq: EVENTS, at: START, configHash: 'h', config: {}, state })
  copyFileSync(path, torn())
  written = readFileSync(`${path}-wal`)
  log.close()
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Opens the log with this WAL, holds it against what was written, and gives how many events are left. */
function leftWith(wal: Uint8Array): number {
  const path = join(folder, 'copy.db')
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
  copyFileSync(torn(), path)
  writeFileSync(`${path}-wal`, wal)
  const log = openLog(path)
  const left = [...log.readFrom(1)]
  expect(left).toEqual(ticks(left.length))
  expect(left.length % 10).toBe(0)
  // It is of events that the log does not have any more.
  if (left.length < EVENTS) expect(log.firstCheckpoint()).toBeNull()
  log.append(ticks(10, left.length + 1))
  expect(log.last().seq).toBe(left.length + 10)
  log.close()
  const db = new Database(path)
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  db.close()
  return left.length
}

test('a log whose WAL ends anywhere opens, lacks no more than its last batches, and goes on', () => {
  expect(leftWith(written)).toBe(EVENTS)
  let some = 0
  const cut = fc.integer({ min: 0, max: written.length })
  const check = (size: number) => {
    const left = leftWith(written.subarray(0, size))
    if (left > 0 && left < EVENTS) some++
  }
  fc.assert(fc.property(cut, check), { numRuns: 40 })
  expect(some).toBeGreaterThan(5)
})

test('a log whose WAL is torn anywhere keeps what stands before the tear', () => {
  const places = fc.tuple(fc.integer({ min: 0, max: written.length - 1 }), fc.integer({ min: 1, max: 9000 }))
  let some = 0
  const check = ([from, size]: [number, number]) => {
    const wal = Uint8Array.from(written)
    for (let i = from; i < Math.min(from + size, wal.length); i++) wal[i] = wal[i]! ^ 0x5a
    const left = leftWith(wal)
    if (left > 0 && left < EVENTS) some++
  }
  fc.assert(fc.property(places, check), { numRuns: 40 })
  expect(some).toBeGreaterThan(5)
})
