import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLog } from '../../../src/log/sqlite.ts'
import { createExplainer } from '../../../src/replay/explain/explainer.ts'
import { event, ticks } from '../../support/events.ts'
import { arrival } from '../../support/llms.ts'

const BREAKING = new URL('../../support/breaking-thread.ts', import.meta.url)

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-explainer-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a thread that breaks is replaced, and its end is not taken for that of the next one', async () => {
  const { explain } = createExplainer('', BREAKING)
  await expect(explain('bug')).rejects.toThrow('a bug')
  expect(await explain('one')).toEqual({ missing: 'unknown', message: 'one' })
  expect(await explain('two')).toEqual({ missing: 'unknown', message: 'two' })
})

test('a log that is damaged where the request lies cannot be read, which is said', async () => {
  const path = join(folder, 'events.db')
  const log = openLog(path)
  log.append([event(1, 'request.received', arrival(), { request: 'req_1_1' })])
  for (let seq = 2; seq <= 10_000; seq += 500) log.append(ticks(500, seq))
  log.close()
  const bytes = readFileSync(path)
  bytes.fill('damaged ', bytes.length / 4, bytes.length / 2)
  writeFileSync(path, bytes)
  const told = await createExplainer(path).explain('req_1_1')
  expect(told).toMatchObject({
    missing: 'unreadable',
    message: expect.stringMatching(/^Cannot read the event log \S+: .+\. Set event_log\.path/),
  })
})
