import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { FAILURE_CLASSES, type Event } from '../../src/core/events.ts'
import { openLog } from '../../src/log/sqlite.ts'
import { limit, llm } from '../support/llms.ts'
import { openTerminal } from '../support/terminal.ts'
import { START } from '../support/virtual-clock.ts'
import { openWorld } from '../support/world.ts'
import { startedAs } from '../support/told.ts'

const YAML = 'llms: [{ name: Sim, api_type: simulated, model: sim-1, context_length: 4000 }]\n'

const terminal = openTerminal()

const stats = (...args: string[]) => run(['stats', ...args], {})

function givenConfig(yaml = YAML): string {
  const path = join(terminal.folder, 'config.yaml')
  writeFileSync(path, yaml)
  return path
}

/** The log of a configuration, with these events. */
function givenLog(events: readonly Event[]): string {
  const log = openLog(join(terminal.folder, 'data', 'events.db'))
  log.append(events)
  log.close()
  return givenConfig()
}

/** A process that is told its limits, two answers an hour apart, and a failure. */
function twoHours(): Event[] {
  const specs = [llm('A', { inputPicoUsd: 1_000_000, limits: [limit('requests', 5)] })]
  const world = openWorld({ specs })
  const config = { llms: specs }
  world.balancer.ingest('process.started', startedAs(config))
  world.finishes(world.arrives({ client: 'Ann' }), { input: 2000, output: 10 })
  world.clock.advance(3_600_000)
  world.finishes(world.arrives({ client: 'Bob, the "builder"' }), { input: 1500, output: 5 })
  world.fails(world.arrives({ client: 'Ann' }), 'bad_request')
  return world.events
}

describe('as text', () => {
  test('it is a summary and a table each of counts, times and limits', async () => {
    expect(await stats('--config', givenLog(twoHours()))).toBe(0)
    const lines = terminal.out.split('\n')
    expect(lines[0]).toMatch(/^2023-11-14T22:13:20\.000Z to 2023-11-14T23:13:20\.000Z, \d+ events$/)
    expect(lines.slice(2, 9)).toEqual([
      'requests    3: 2 completed, 0 refused, 0 expired, 1 failed, 0 abandoned',
      'tokens      3,500 in (0 cached), 15 out',
      'cost        $0.003500',
      'wait        p50 0 ms, p95 0 ms, p99 0 ms, most 0 ms',
      'first byte  p50 5 ms, p95 5 ms, p99 5 ms, most 5 ms',
      'answer      p50 0 ms, p95 0 ms, p99 0 ms, most 0 ms',
      'errors      1 bad_request',
    ])
    expect(terminal.out).toMatch(/^A +3 +3 +2 +0 +0 +1 +0 +3,500 +0 +15 +0\.003500 +1 bad_request$/m)
    expect(terminal.out).toMatch(/^A +0 ms +0 ms +0 ms +5 ms +5 ms +5 ms +0 ms +0 ms +0 ms$/m)
    // Three requests in an hour, of which five a minute are allowed.
    expect(terminal.out).toMatch(/^A +requests_limit +2 +5 +40\.0 % +1\.0 % +-$/m)
    for (const drawn of ['\u001b', '▁', '█']) expect(terminal.out).not.toContain(drawn)
    expect(terminal.err).toBe('')
  })

  test('in a terminal it has charts, and colours unless these are not wanted', async () => {
    const path = givenLog(twoHours())
    vi.spyOn(process, 'stdout', 'get').mockReturnValue(
      Object.assign(Object.create(process.stdout), { isTTY: true, columns: 40, write: process.stdout.write }),
    )
    expect(await stats('--config', path)).toBe(0)
    expect(terminal.out).toMatch(/^requests {4}▄ +█ most 2$/m)
    expect(terminal.out).toMatch(/^troubles {4} +█ most 1$/m)
    expect(terminal.out).toMatch(/^ {12}from 2023-11-14T22:\d\dZ on, 5m a column$/m)
    expect(terminal.out).toMatch(/████ +40\.0 % +▏? +1\.0 %/)
    expect(terminal.out).toContain('\u001b[1mLLM ')
    const coloured = terminal.out
    terminal.out = ''
    expect(await run(['stats', '--config', path], { NO_COLOR: '1' })).toBe(0)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are colours
    expect(terminal.out).toBe(coloured.replace(/\u001b\[\d*m/g, ''))
  })

  test('it tells what was learned of limits, apart from what is declared', async () => {
    const lesson = {
      ...({
        limit: 'requests_per_min',
        cause: 'window_header',
        because: 'headers tell',
        declared: 60,
      } as const),
      in_force: { amount: 60, per_ms: 60_000, window: 'fixed', phase_ms: 3_456, guard_ms: 1_020 } as const,
      ...{ amount: null, until: null },
    }
    const head = { seq: 1, at: 0, v: 1, request: null, llm: 'A' } as const
    const path = givenLog([{ ...head, type: 'llm.limit_learned', data: lesson }])
    expect(await stats('--config', path)).toBe(0)
    expect(terminal.out).toMatch(
      /^A +requests_per_min +60 +60 per 60 s, fixed from 3\.456 s on +1970-01-01T00:00:00\.000Z +headers tell$/m,
    )
  })

  test('names that clients made up do not move the cursor', async () => {
    const world = openWorld({ specs: [llm('A')] })
    world.finishes(world.arrives({ model: 'auto', client: 'x\u001b[2J\ny' }), { input: 1, output: 1 })
    expect(await stats('--by', 'client', '--config', givenLog(world.events))).toBe(0)
    expect(terminal.out).toMatch(/^x \[2J y +1 /m)
  })

  test('of a span without events it says so', async () => {
    expect(await stats('--since', '1h', '--config', givenLog(twoHours()))).toBe(0)
    expect(terminal.out).toBe('The event log has no events in this span.\n')
  })
})

describe('as data', () => {
  test('JSON has everything, under the names of the log', async () => {
    expect(await stats('--json', '--config', givenLog(twoHours()))).toBe(0)
    const found = JSON.parse(terminal.out)
    const times = { p50_ms: 5, p95_ms: 5, p99_ms: 5, max_ms: 5 }
    expect(found).toMatchObject({
      ...{ from: START, to: START + 3_600_000, requests: 3, failed: 1, by: ['llm'] },
      groups: [{ llm: 'A', completed: 2, input_tokens: 3500, cost_nano_usd: 3_500_000, first_byte: times }],
      limits: [
        { llm: 'A', limit: 'requests_limit', used: 3, peak: 2, capacity: 5, allowed: 300, bound_ms: 0 },
      ],
      learned: [],
    })
    expect(found.groups[0].errors).toEqual({ bad_request: 1 })
  })

  test('CSV has a row for each group, quoted where it has to be', async () => {
    expect(await stats('--csv', '--by', 'client,hour', '--config', givenLog(twoHours()))).toBe(0)
    const lines = terminal.out.split('\r\n')
    expect(lines.pop()).toBe('')
    const head = lines[0]!.split(',')
    expect(head.slice(0, 4)).toEqual(['client', 'hour', 'requests', 'attempts'])
    expect(head).toContain('first_byte_p95_ms')
    expect(head.slice(-FAILURE_CLASSES.length)).toEqual(FAILURE_CLASSES.map((name) => `errors_${name}`))
    expect(lines.slice(1).map((line) => line.slice(0, 45))).toEqual([
      'Ann,2023-11-14T22:00Z,1,1,1,0,0,0,0,2000,0,10,2000000,0'.slice(0, 45),
      'Ann,2023-11-14T23:00Z,1,1,0,0,0,1,0,0,0,0,0,,,,,,,,,,,,'.slice(0, 45),
      '"Bob, the ""builder""",2023-11-14T23:00Z,1,1,1,0,0'.slice(0, 45),
    ])
    const fields = (line: string) => line.replace(/"(?:[^"]|"")*"/g, '').split(',').length
    expect(lines.map(fields)).toEqual(lines.map(() => head.length))
  })

  test('of a span without events there is nothing in it', async () => {
    const path = givenLog(twoHours())
    expect(await stats('--csv', '--since', '1h', '--config', path)).toBe(0)
    expect(terminal.out.split('\r\n')).toHaveLength(2)
    terminal.out = ''
    expect(await stats('--json', '--since', '1h', '--config', path)).toBe(0)
    expect(JSON.parse(terminal.out)).toMatchObject({ from: null, to: null, events: 0, groups: [] })
  })
})

describe('a span', () => {
  const requestsOf = async (...args: string[]) => {
    terminal.out = ''
    expect(await stats('--json', ...args)).toBe(0)
    const { requests, limits } = JSON.parse(terminal.out)
    return [requests, limits.length]
  }

  test('begins with its first instant and ends before its last', async () => {
    const config = ['--config', givenLog(twoHours())]
    expect(await requestsOf(...config, '--since', '2023-11-14T23:13:20Z')).toEqual([2, 1])
    expect(await requestsOf(...config, '--since', '2023-11-14T23:13:20.001Z')).toEqual([0, 0])
    expect(await requestsOf(...config, '--until', '2023-11-14T23:13:20Z')).toEqual([1, 1])
    expect(await requestsOf(...config, '--since', '2023-11-14', '--until', '2023-11-15')).toEqual([3, 1])
  })

  test('knows the limits of its process, however long ago that started', async () => {
    const later = twoHours().map((event) => (event.seq === 1 ? event : { ...event, at: event.at + 1e9 }))
    const since = new Date(START + 1e9).toISOString()
    expect(await requestsOf('--config', givenLog(later), '--since', since)).toEqual([3, 1])
  })
})

test('any log may be read, without a configuration', async () => {
  givenLog(twoHours())
  expect(await stats('--log', join(terminal.folder, 'data', 'events.db'))).toBe(0)
  expect(terminal.out).toContain('requests    3: ')
})

describe('wrong usage is told on standard error, with code 2:', () => {
  test.each([
    [['--until', 'soon'], /^--until is "soon"; it must be a duration ago such as 30m/],
    [['--since', '1h', '--until', '2h'], /^--since must be before --until\.$/],
    [['--by', 'cleint'], /^--by is "cleint"; it must be llm, .*did you mean "client"\?$/],
    [['--by', 'client,'], /^--by is "client,"; it must be llm, client, model, hour, day, or several/],
    [['--json', '--csv'], /^--json and --csv exclude each other\.$/],
  ])('%j', async (args, message) => {
    expect(await stats(...args, '--config', givenConfig())).toBe(2)
    expect(terminal.err.trimEnd()).toMatch(message)
    expect(terminal.out).toBe('')
  })
})

test('without a log it finds something wrong', async () => {
  expect(await stats('--config', givenConfig())).toBe(1)
  expect(terminal.err).toMatch(/^There is no event log at .+Has the server run with this configuration\?\n$/)
})

test('of a file that is no log it finds something wrong', async () => {
  const path = givenConfig(`event_log: { path: notes.txt }\n${YAML}`)
  writeFileSync(join(terminal.folder, 'notes.txt'), 'Dear diary, '.repeat(100))
  expect(await stats('--config', path)).toBe(1)
  expect(terminal.err).toMatch(
    /^Cannot use the event log .+notes\.txt: file is not a database\. Set event_log\.path/,
  )
})
