import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLogReader } from '../../../src/log/sqlite.ts'
import { LogError } from '../../../src/log/store.ts'
import { openWriter } from '../../../src/log/writing/writer.ts'
import { ROOT, runtimeCommand } from '../../e2e/runtimes.ts'
import { ticks } from '../../support/events.ts'
import { START } from '../../support/virtual-clock.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-writer-'))
  path = join(folder, 'events.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const WRITTEN = { ok: true, renewed: false }
const MORTAL = new URL('../../support/mortal-thread.ts', import.meta.url)

function logged(): number[] {
  const reader = openLogReader(path)
  const seqs = [...reader.read(0)].map(({ seq }) => seq)
  reader.close()
  return seqs
}

describe('a log that is written in a thread', () => {
  test('takes batches in their order and answers each once it can be read', async () => {
    const writer = await openWriter(path)
    const answers = [writer.append(ticks(3)), writer.append(ticks(3, 4)), writer.append(ticks(3, 7))]
    expect(await answers[0]).toEqual(WRITTEN)
    expect(logged().slice(0, 3)).toEqual([1, 2, 3])
    expect(await Promise.all(answers)).toEqual([WRITTEN, WRITTEN, WRITTEN])
    expect(logged()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    await writer.close()
  })

  test('tells why a batch is not in it, and takes the next', async () => {
    const writer = await openWriter(path)
    await writer.append(ticks(3))
    const other = ticks(3).map((one) => ({ ...one, at: one.at + 1 }))
    expect(await writer.append(other)).toEqual({ ok: false, why: expect.stringContaining('UNIQUE') })
    expect(await writer.append(ticks(3, 4))).toEqual(WRITTEN)
    await writer.close()
  })

  test('has everything in its one file when it was closed', async () => {
    const writer = await openWriter(path)
    await writer.append(ticks(3))
    await writer.close()
    expect([existsSync(`${path}-wal`), logged()]).toEqual([false, [1, 2, 3]])
  })

  test('leaves nothing ahead of its file that a reader could hold back', async () => {
    const writer = await openWriter(path)
    const reader = openLogReader(path)
    const reading = reader.read(0)
    await writer.append(ticks(3))
    await writer.close()
    expect(reading.next().done).toBe(false)
    reading.return?.()
    reader.close()
    expect(logged()).toEqual([1, 2, 3])
  })

  test('is rid of old commits as it is told', async () => {
    const writer = await openWriter(path)
    for (let seq = 1; seq <= 9; seq += 3) await writer.append(ticks(3, seq))
    const checkpoint = { at: START, configHash: 'h', config: {}, state: '{}' }
    await writer.checkpoint({ ...checkpoint, seq: 10 })
    expect(await writer.prune(START + 1, 100)).toBe(0)
    await writer.checkpoint({ ...checkpoint, seq: 3 })
    expect(await writer.prune(START + 1, 100)).toBe(1)
    expect(logged()[0]).toBe(4)
    expect(await writer.usedBytes()).toBeGreaterThan(0)
    await writer.close()
  })

  test('is refused with advice where it cannot be opened', async () => {
    writeFileSync(path, 'Dear diary, '.repeat(100))
    await expect(openWriter(path)).rejects.toThrow(LogError)
    await expect(openWriter(path)).rejects.toThrow(/file is not a database\. Set event_log\.path/)
  })

  test('goes on in a new thread when one dies, and has what that one wrote once', async () => {
    const writer = await openWriter(path, MORTAL)
    await writer.append(ticks(3))
    expect(await writer.append(ticks(3, 4))).toEqual({ ok: false, why: 'its thread ended' })
    expect(await writer.append(ticks(3, 4))).toEqual(WRITTEN)
    expect(await writer.append(ticks(3, 7))).toEqual(WRITTEN)
    expect(logged()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    await writer.close()
  })

  test('starts one thread in place of one that died, however much is asked of it meanwhile', async () => {
    const writer = await openWriter(path, MORTAL)
    await writer.append(ticks(3))
    await writer.append(ticks(3, 4))
    const [bytes, written, deleted] = await Promise.all([
      writer.usedBytes(),
      writer.append(ticks(3, 7)),
      writer.prune(START, 100),
    ])
    expect(bytes).toBeGreaterThan(0)
    expect([written, deleted]).toEqual([WRITTEN, 0])
    await writer.close()
  })
})

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0

test.runIf(hasPrlimit)('a disk that gets full at any place of a write costs nothing, and heals', () => {
  const [command, ...flags] = runtimeCommand('node')
  const script = join(ROOT, 'test/support/full-disk.ts')
  const { stdout, stderr } = spawnSync(command, [...flags, script, path, '6'], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({
    logged: true,
    committed: true,
    failures: 6,
    resumes: 6,
    said: [
      'The event log cannot be written: disk I/O error; check its disk. Events are kept in memory.',
      'The event log can be written again; 0 events were lost.',
    ],
    status: 'ok',
    dropped: 0,
  })
})
