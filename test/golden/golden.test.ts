import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import { openLog } from '../../src/log/sqlite.ts'
import { verify } from '../../src/replay/verify.ts'

const GOLDEN = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.jsonl'))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-golden-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('there is a golden log of each kind', () => {
  expect(GOLDEN).toEqual(
    expect.arrayContaining([expect.stringMatching(/simulated/), expect.stringMatching(/live/)]),
  )
})

test.each(GOLDEN)('%s is what its facts lead to, event by event', (name) => {
  const lines = readFileSync(join(import.meta.dirname, name), 'utf8')
    .trimEnd()
    .split('\n')
  const events = lines.map((line) => JSON.parse(line) as Event)
  const log = openLog(join(folder, 'events.db'))
  log.append(events)
  const verified = verify(log)
  log.close()
  expect(verified).toMatchObject({ events: lines.length, unverified: [], difference: null })
  expect(verified.processes).toBeGreaterThan(1)
})
