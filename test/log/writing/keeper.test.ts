import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Keeper, keepLog } from '../../../src/log/writing/keeper.ts'
import { pack } from '../../../src/log/segment.ts'
import { openLog, openLogReader } from '../../../src/log/sqlite.ts'
import { ticks } from '../../support/events.ts'

let folder: string
let path: string
let keeper: Keeper
let now = 0

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-keeper-'))
  path = join(folder, 'events.db')
  now = 0
  keeper = keepLog(path, () => now)
})
afterEach(() => {
  keeper.close()
  rmSync(folder, { recursive: true, force: true })
})

const write = (count: number, from: number) => keeper.write(pack(ticks(count, from)))

/** The `seq` of all events in a log. */
function seqsIn(file: string): number[] {
  const reader = openLogReader(file)
  const seqs = [...reader.read(0)].map(({ seq }) => seq)
  reader.close()
  return seqs
}

test('a batch is written once, however often it is asked for', () => {
  expect(write(3, 1)).toBe(false)
  expect(write(3, 1)).toBe(false)
  expect(seqsIn(path)).toEqual([1, 2, 3])
})

test('another batch in its place is refused', () => {
  write(3, 1)
  const other = ticks(3).map((one) => ({ ...one, at: one.at + 1 }))
  expect(() => keeper.write(pack(other))).toThrow(/UNIQUE/)
})

describe('a log whose file', () => {
  test('was moved is complete where it is, and a new one goes on from the next batch', () => {
    write(3, 1)
    renameSync(path, `${path}.old`)
    write(2, 4)
    now = 1000
    expect(write(2, 6)).toBe(true)
    expect(write(2, 8)).toBe(false)
    expect(seqsIn(`${path}.old`)).toEqual([1, 2, 3, 4, 5])
    expect(seqsIn(path)).toEqual([6, 7, 8, 9])
  })

  test('was deleted with all that belongs to it, its folder too, goes on in a new one', () => {
    write(3, 1)
    rmSync(folder, { recursive: true })
    now = 1000
    expect(write(2, 4)).toBe(true)
    expect(seqsIn(path)).toEqual([4, 5])
    expect(() => openLog(path)).toThrow(/Another process is writing the event log/)
  })

  test('lost what was written ahead of it has it all the same', () => {
    write(3, 1)
    rmSync(`${path}-wal`)
    now = 1000
    write(2, 4)
    expect(seqsIn(path)).toEqual([1, 2, 3, 4, 5])
  })

  test('was replaced by another log is not mixed with it', () => {
    write(3, 1)
    const other = join(folder, 'other.db')
    const log = openLog(other)
    log.append(ticks(10))
    log.close()
    renameSync(other, path)
    now = 1000
    expect(() => write(2, 4)).toThrow(`The event log ${path} is another one than at the start. Move it away.`)
    expect(seqsIn(path)).toHaveLength(10)
    rmSync(path)
    expect(write(2, 4)).toBe(true)
  })

  test('cannot be made anew is tried again with every batch', () => {
    write(3, 1)
    renameSync(folder, `${folder}.old`)
    writeFileSync(folder, 'a file where a folder should be')
    now = 1000
    expect(() => write(2, 4)).toThrow(/Cannot make the folder for the event log/)
    rmSync(folder)
    expect(write(2, 4)).toBe(true)
    rmSync(`${folder}.old`, { recursive: true })
  })
})

test('a log that another program keeps locked is written again once it lets go', () => {
  write(3, 1)
  const other = new Database(path)
  other.exec('BEGIN EXCLUSIVE')
  expect(() => write(2, 4)).toThrow('database is locked; end the program that keeps it locked')
  other.exec('ROLLBACK')
  other.close()
  write(2, 4)
  expect(seqsIn(path)).toEqual([1, 2, 3, 4, 5])
})
