import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/run.ts'
import type { Event } from '../../src/core/events.ts'
import { lineOf } from '../../src/log/lines/lines.ts'
import { openLog, openLogReader } from '../../src/log/sqlite.ts'
import { ticks } from '../support/events.ts'
import { play, scenarios } from '../support/scenario.ts'
import { openTerminal } from '../support/terminal.ts'

const terminal = openTerminal()
let path: string
beforeEach(() => {
  path = join(terminal.folder, 'events.db')
})

const llb = (...args: string[]) => run(['log', ...args], {})
const file = (name: string, text: string | Uint8Array) => {
  writeFileSync(join(terminal.folder, name), text)
  return join(terminal.folder, name)
}
function givenLog(events: readonly Event[], size = 10): void {
  const log = openLog(path)
  for (let i = 0; i < events.length; i += size) log.append(events.slice(i, i + size))
  log.close()
}
const runs = scenarios({ mostUsed: 1, reports: true }).map((scenario) => play(scenario).events)
const [sample] = fc.sample(
  runs.filter((some) => some.length > 100),
  { numRuns: 1, seed: 7 },
)
const events = sample!

describe('export', () => {
  test('writes events as lines, and how many on standard error', async () => {
    givenLog(events)
    expect(await llb('export', '--log', path)).toBe(0)
    expect(terminal.out).toBe(events.map(lineOf).join(''))
    expect(terminal.err).toBe(`${events.length} events\n`)
    expect(JSON.parse(terminal.out.split('\n')[0]!)).toEqual(events[0])
    expect(Object.keys(JSON.parse(terminal.out.split('\n')[0]!))).toEqual([
      ...['seq', 'at', 'type', 'v', 'request', 'llm', 'data'],
    ])
  })

  test('takes the log from the configuration, and what is meant from options', async () => {
    givenLog(events)
    const config = file(
      'config.yaml',
      `event_log: { path: events.db }\nllms: [{ name: S, api_type: simulated, model: s, context_length: 4000 }]\n`,
    )
    expect(await llb('export', '--config', config, '--type', 'request.received,request.completed')).toBe(0)
    const meant = events.filter(({ type }) => type === 'request.received' || type === 'request.completed')
    expect(terminal.out).toBe(meant.map(lineOf).join(''))
    terminal.out = ''
    const at = new Date(events[10]!.at).toISOString()
    expect(await llb('export', '--log', path, '--since', at, '--until', at)).toBe(0)
    expect(terminal.out).toBe(
      events
        .filter((one) => one.at === events[10]!.at)
        .map(lineOf)
        .join(''),
    )
    terminal.out = ''
    expect(await llb('export', '--log', path, '--since', '1m')).toBe(0)
    expect(terminal.out).toBe('')
  })

  test('to a file leaves what was there until all is written', async () => {
    givenLog(events)
    const to = file('out.jsonl', 'old')
    expect(await llb('export', '--log', path, '--out', to)).toBe(0)
    expect(readFileSync(to, 'utf8')).toBe(events.map(lineOf).join(''))
    writeFileSync(to, 'old')
    const db = new Database(path)
    db.exec(`UPDATE segment SET events = 'none' WHERE seq = (SELECT max(seq) FROM segment)`)
    db.close()
    expect(await llb('export', '--log', path, '--out', to)).toBe(1)
    expect(terminal.err).toContain('The event log is damaged')
    expect(readFileSync(to, 'utf8')).toBe('old')
    expect(readdirSync(terminal.folder).filter((name) => name.includes('partial'))).toEqual([])
  })

  test.each([
    [
      ['--since', 'yesterday'],
      '--since is "yesterday"; it must be a duration ago such as 30m, 24h or 7d, or a time such as 13:42 (UTC, the last one) or 2026-01-31T08:00Z.',
    ],
    [['--until', '2026-13-01'], '--until is "2026-13-01"'],
    [
      ['--type', 'request.received,reqest.failed'],
      'There is no type of event "reqest.failed"; docs/events.md lists them.',
    ],
  ])('wrong usage is told: %j', async (args, text) => {
    expect(await llb('export', '--log', path, ...args)).toBe(2)
    expect(terminal.err).toContain(text)
  })

  test('what cannot be read or written is told', async () => {
    expect(await llb('export', '--log', path)).toBe(1)
    expect(terminal.err).toContain(`There is no event log at ${path}`)
    givenLog(events)
    expect(await llb('export', '--log', path, '--out', join(terminal.folder, 'no', 'such', 'folder'))).toBe(1)
    expect(terminal.err).toContain('ENOENT: no such file or directory')
  })
})

describe('import', () => {
  const to = () => join(terminal.folder, 'new.db')

  test('of an export gives a log whose export is the same, byte for byte', async () => {
    givenLog(events, 3)
    const lines = join(terminal.folder, 'a.jsonl')
    const again = join(terminal.folder, 'b.jsonl')
    expect(await llb('export', '--log', path, '--out', lines)).toBe(0)
    expect(await llb('import', lines, '--log', to())).toBe(0)
    expect(await llb('export', '--log', to(), '--out', again)).toBe(0)
    expect(readFileSync(again)).toEqual(readFileSync(lines))
    expect(readdirSync(terminal.folder).filter((name) => name.includes('importing'))).toEqual([])
  })

  test('of a part works, with a word about what is missing', async () => {
    const part = events.filter(({ llm }) => llm === 'L0')
    expect(part.length).toBeGreaterThan(10)
    expect(await llb('import', file('part.jsonl', part.map(lineOf).join('')), '--log', to())).toBe(0)
    expect(terminal.err).toMatch(
      /\d+ events are missing in \d+ places, .* decisions cannot be verified across a gap\./,
    )
    const reader = openLogReader(to())
    expect([...reader.read(0)]).toEqual(part)
    reader.close()
  })

  test.each<[string, string | Uint8Array, string]>([
    [
      'a line that is no event',
      `${lineOf(ticks(1)[0]!)}{"seq":2}\n`,
      ':2: the event has no "at" in ms since 1970',
    ],
    ['no text', new Uint8Array([123, 255, 10]), 'bad.jsonl cannot be read: '],
  ])('is all or nothing: %s', async (_, text, problem) => {
    const bad = file('bad.jsonl', text)
    expect(await llb('import', bad, '--log', to())).toBe(1)
    expect(terminal.err).toContain(problem)
    expect(readdirSync(terminal.folder)).toEqual(['bad.jsonl'])
  })

  test('never touches a log with events, or what is no log; one without events is taken', async () => {
    const good = file('good.jsonl', events.map(lineOf).join(''))
    givenLog(ticks(3))
    expect(await llb('import', good, '--log', path)).toBe(1)
    expect(terminal.err).toContain(`${path} has events already. Name another file with --log.`)
    const diary = file('diary.db', 'Dear diary, '.repeat(100))
    expect(await llb('import', good, '--log', diary)).toBe(1)
    expect(readFileSync(diary, 'utf8')).toBe('Dear diary, '.repeat(100))
    openLog(to()).close()
    expect(await llb('import', good, '--log', to())).toBe(0)
  })

  test('goes on where one before it was killed', async () => {
    file('new.db.importing', 'half of a log')
    file('new.db.importing-wal', 'and what was to follow')
    expect(await llb('import', file('good.jsonl', events.map(lineOf).join('')), '--log', to())).toBe(0)
    expect(readdirSync(terminal.folder).sort()).toEqual(['good.jsonl', 'new.db'])
  })

  test('needs a file to read and a file to make', async () => {
    expect(await llb('import', '--log', to())).toBe(2)
    expect(terminal.err).toContain('It takes one FILE.')
    expect(await llb('import', 'a.jsonl')).toBe(2)
    expect(terminal.err).toContain('--log is needed')
    expect(await llb('import', join(terminal.folder, 'none.jsonl'), '--log', to())).toBe(1)
    expect(terminal.err).toContain('none.jsonl cannot be read: ENOENT')
    expect(existsSync(to())).toBe(false)
  })
})

describe('check', () => {
  test('of a log in order tells what it holds', async () => {
    givenLog(events)
    expect(await llb('check', '--log', path)).toBe(0)
    expect(terminal.out).toMatch(
      /^\d+ events, 1 to \d+\n\d{4}-.*Z to \d{4}-.*Z\nstarts: 0, requests: \d+, not ended: 0\nnothing is wrong\n$/,
    )
    expect(terminal.err).toBe('')
  })

  test('of an empty log is short', async () => {
    givenLog([])
    expect(await llb('check', '--log', path)).toBe(0)
    expect(terminal.out).toBe('no events, nothing is wrong\n')
  })

  test('tells every problem, the first twenty one by one', async () => {
    givenLog(ticks(100), 2)
    const db = new Database(path)
    db.exec(
      `DELETE FROM segment WHERE seq % 4 = 1 AND seq > 1; UPDATE segment SET events = '[1]' WHERE seq IN (3, 99)`,
    )
    db.close()
    expect(await llb('check', '--log', path)).toBe(1)
    expect(terminal.out).toMatch(/^the commit that begins with event 3 holds no events\n/)
    expect(terminal.out).toContain('\nevents 3 to 6 are missing\n')
    expect(terminal.out).toMatch(/\nand 5 more\n48 events, 1 to 96\n[\s\S]*\n25 problems\n$/)
  })

  test('finds damage of the file itself', async () => {
    givenLog(ticks(20_000), 100)
    const bytes = readFileSync(path)
    bytes.fill(0xff, 40_960, 45_056)
    writeFileSync(path, bytes)
    expect(await llb('check', '--log', path)).toBe(1)
    expect(terminal.out).toMatch(/, 1 problem\n$/)
  })
})

test('a damaged file is told in a few lines, however much of it is', async () => {
  givenLog(ticks(4000))
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0x5a, Math.floor(bytes.length / 4), Math.floor(bytes.length / 2)))
  expect(await llb('check', '--log', path)).toBe(1)
  expect(terminal.out).toMatch(/ \(and \d+ more of the kind\)\n/)
  expect(terminal.out.split('\n').length).toBeLessThan(10)
  expect(terminal.out).toContain('the file is damaged: ')
})

test('the commands of the log have help with examples', async () => {
  expect(await llb('import', '--help')).toBe(0)
  expect(terminal.out).toMatch(
    /^llb log import FILE: .*\n\nOptions:\n[\s\S]*Examples:\n {2}npm run llb -- log import/,
  )
  expect(await llb()).toBe(2)
  expect(terminal.err).toContain('Say which: log export, log import, log check.')
})
