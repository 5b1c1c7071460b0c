import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type OpenLog, withLog } from '../../src/cli/log-option.ts'
import { openLog } from '../../src/log/sqlite.ts'
import { ticks } from '../support/events.ts'
import { openTerminal } from '../support/terminal.ts'

const terminal = openTerminal()

function givenLog(name: string, events: number): string {
  const file = join(terminal.folder, name)
  const log = openLog(file)
  log.append(ticks(events))
  log.close()
  return file
}

function givenConfig(): string {
  const path = join(terminal.folder, 'config.yaml')
  writeFileSync(
    path,
    'event_log: { path: mine.db }\nllms: [{ name: A, api_type: simulated, model: m, context_length: 9 }]\n',
  )
  return path
}

const lastSeq = ({ reader }: OpenLog) => reader.last().seq

test('a log is the one that is named, else that of the configuration', async () => {
  const other = givenLog('other.db', 7)
  givenLog('mine.db', 3)
  expect(await withLog({ log: other }, {}, lastSeq)).toBe(7)
  expect(await withLog({ log: other, config: givenConfig() }, {}, lastSeq)).toBe(7)
  expect(await withLog({ config: givenConfig() }, {}, lastSeq)).toBe(3)
  expect(await withLog({}, { LLB_CONFIG: givenConfig() }, lastSeq)).toBe(3)
  expect(terminal.err).toBe('')
})

test('it comes with its configuration, where that named it', async () => {
  const file = givenLog('mine.db', 1)
  const llms = ({ config }: OpenLog) => config?.llms.length ?? 0
  expect(await withLog({ config: givenConfig() }, {}, llms)).toBe(1)
  expect(await withLog({ log: file }, {}, llms)).toBe(0)
})

test('it is closed afterwards, whatever happened meanwhile', async () => {
  const file = givenLog('mine.db', 1)
  let seen: OpenLog | undefined
  const failing = withLog({ log: file }, {}, (log) => {
    seen = log
    throw new Error('a bug')
  })
  await expect(failing).rejects.toThrow('a bug')
  expect(() => seen!.reader.last()).toThrow('not open')
})

test('a log that is not there, or is none, is told on standard error, with code 1', async () => {
  expect(await withLog({ log: join(terminal.folder, 'no.db') }, {}, lastSeq)).toBe(1)
  expect(terminal.err).toMatch(/^There is no event log at .+no\.db/)
  writeFileSync(join(terminal.folder, 'notes.txt'), 'Dear diary, '.repeat(100))
  terminal.err = ''
  expect(await withLog({ log: join(terminal.folder, 'notes.txt') }, {}, lastSeq)).toBe(1)
  expect(terminal.err).toMatch(/^Cannot use the event log .+notes\.txt: file is not a database\./)
})

test('damage that shows while it is read is told in a sentence, with code 1', async () => {
  const file = givenLog('mine.db', 1)
  const damaged = () => {
    throw Object.assign(new Error('database disk image is malformed'), { code: 'SQLITE_CORRUPT' })
  }
  expect(await withLog({ log: file }, {}, damaged)).toBe(1)
  expect(terminal.err).toBe(`The event log ${file} cannot be read: database disk image is malformed.\n`)
})

test('without a configuration it is told so, with code 2', async () => {
  expect(await withLog({ config: join(terminal.folder, 'no.yaml') }, {}, lastSeq)).toBe(2)
  expect(terminal.err).toContain('there is no such file')
})
