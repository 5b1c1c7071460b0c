import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Event, EventOf } from '../../src/core/events.ts'
import { openLog } from '../../src/log/sqlite.ts'
import { verify } from '../../src/replay/verify/verify.ts'
import { whatIf } from '../../src/replay/what-if/what-if.ts'
import type { Written } from '../../src/replay/what-if/translate.ts'
import { logOf } from '../support/log-of.ts'

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

function eventsOf(name: string): Event[] {
  const lines = readFileSync(join(import.meta.dirname, name), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map((line) => JSON.parse(line) as Event)
}

test.each(GOLDEN)('%s is what its facts lead to, event by event', (name) => {
  const events = eventsOf(name)
  const log = openLog(join(folder, 'events.db'))
  log.append(events)
  const verified = verify(log)
  log.close()
  expect(verified).toMatchObject({ events: events.length, unverified: [], difference: null })
  expect(verified.processes).toBeGreaterThan(1)
})

test.each(GOLDEN)('%s comes out as recorded under its own configuration, event by event', (name) => {
  const recorded = eventsOf(name)
  const { data } = recorded[0] as EventOf<'process.started'>
  const events: Event[] = []
  const event = (one: Event) => void events.push(one)
  const result = whatIf({ log: logOf(recorded), config: data.config as Written, event })
  expect(JSON.parse(JSON.stringify(events))).toEqual(recorded)
  expect(result.other).toEqual(result.recorded)
})
