import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/run.ts'
import type { Event } from '../../src/core/events.ts'
import { openLog, openLogReader } from '../../src/log/sqlite.ts'
import { recordedWorld } from '../replay/worlds.ts'
import { openTerminal } from '../support/terminal.ts'

const terminal = openTerminal()

const llb = (...args: string[]) => run(args, {})
const file = (name: string) => join(terminal.folder, name)

function givenLog(events: readonly Event[]): string {
  rmSync(file('events.db'), { force: true })
  const log = openLog(file('events.db'))
  for (const event of events) log.append([event])
  log.close()
  return file('events.db')
}

const events = recordedWorld({ arrivals: [0, 0, 0, 10] })
const dispatched = events.findIndex(({ type }) => type === 'request.dispatched')

describe('replay --verify', () => {
  test('says how much was verified', async () => {
    expect(await llb('replay', '--verify', '--log', givenLog(events))).toBe(0)
    const decisions = events.filter(({ type }) => /^(request\.(?!rec)|llm)/.test(type)).length
    expect(terminal.out).toBe(
      `verified    ${events.length} events of 1 process, ${decisions} of them decisions\nEvery decision is the one that the facts before it lead to.\n`,
    )
    expect(terminal.err).toBe('')
  })

  test('shows the first decision that differs, both sides of it and what is not the same', async () => {
    const original = events[dispatched]!
    const forged = structuredClone(original) as Event & { type: 'request.dispatched' }
    Object.assign(forged.data, { wait_ms: 7 })
    expect(await llb('replay', '--verify', '--log', givenLog(events.with(dispatched, forged)))).toBe(1)
    expect(terminal.out).toBe(
      [
        `verified    ${dispatched} events of 1 process, 1 of them decisions`,
        `differs     at event ${original.seq} at 2023-11-14T22:13:20.000Z, decision: the decision is another one`,
        '',
        `recorded        request.dispatched  ${original.request} A  dispatched to A after 7 ms (A scores 0.75)`,
        `executed again  request.dispatched  ${original.request} A  dispatched to A (A scores 0.75)`,
        '',
        'field         recorded  executed again',
        'data.wait_ms  7         0',
        '',
      ].join('\n'),
    )
  })

  test('shows one side where the other has nothing', async () => {
    expect(await llb('replay', '--verify', '--log', givenLog(events.toSpliced(dispatched - 1, 1)))).toBe(1)
    expect(terminal.out).toMatch(
      new RegExp(
        `, gap: event ${dispatched} is missing before it\n\nrecorded        request.dispatched.*\n$`,
      ),
    )
    terminal.out = ''
    const closed = events.toSpliced(dispatched - 1, 1).map((event, i) => ({ ...event, seq: i + 1 }) as Event)
    expect(await llb('replay', '--verify', '--log', givenLog(closed))).toBe(1)
    expect(terminal.out).toContain(', decision: nothing that was recorded before leads to this decision\n')
    expect(terminal.out).toMatch(/^executed again {2}nothing\n$/m)
  })

  test('gives the same as JSON', async () => {
    expect(await llb('replay', '--verify', '--json', '--log', givenLog(events.slice(0, -1)))).toBe(1)
    expect(JSON.parse(terminal.out)).toMatchObject({
      events: events.length - 1,
      processes: 1,
      unverified: [],
      difference: { seq: events.length, kind: 'decision', recorded: null, executed: events.at(-1) },
    })
  })

  test('of a log whose processes cannot be started again is not fine', async () => {
    expect(await llb('replay', '--verify', '--log', givenLog(events.slice(3)))).toBe(1)
    expect(terminal.out).toContain(
      `unverified  events 4 to ${events.length}: the log does not hold the start of this process any more\n`,
    )
  })

  test('finds the log by a configuration', async () => {
    givenLog(events)
    writeFileSync(
      file('llb.yaml'),
      'event_log: { path: events.db }\nllms: [{ name: A, api_type: simulated, model: m }]\n',
    )
    expect(await llb('replay', '--verify', '--config', file('llb.yaml'))).toBe(0)
  })

  test('of a log that is not there finds something wrong', async () => {
    expect(await llb('replay', '--verify', '--log', file('nothing.db'))).toBe(1)
    expect(terminal.err).toContain('There is no event log at')
  })
})

describe('simulate --log', () => {
  const simulate = (...more: string[]) =>
    llb('simulate', '--config', file('llb.yaml'), '--for', '10m', ...more)

  beforeEach(() => {
    const llms = '[{ name: A, api_type: ollama, model: m, requests_per_min: 5, context_length: 100000 }]'
    writeFileSync(file('llb.yaml'), `queue: { max_wait: 1m }\nllms: ${llms}\n`)
  })

  test('keeps a log that verifies, and prints what it prints without', async () => {
    expect(await simulate()).toBe(0)
    const without = terminal.out
    terminal.out = ''
    expect(await simulate('--log', file('simulated.db'))).toBe(0)
    expect(terminal.out).toBe(without)
    terminal.out = ''
    expect(await llb('replay', '--verify', '--log', file('simulated.db'))).toBe(0)
    expect(terminal.out).toMatch(/^verified +\d,?\d+ events of 1 process, /)
  })

  test('records the configuration it ran under, with its hash', async () => {
    await simulate('--log', file('simulated.db'), '--seed', '7')
    const log = openLogReader(file('simulated.db'))
    const [started] = log.readFrom(1)
    log.close()
    expect(started).toMatchObject({
      data: {
        seed: 7,
        config_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        config: { queue: { maxWaitMs: 60_000 } },
      },
    })
  })

  test('of a file that holds events already is refused', async () => {
    givenLog(events)
    expect(await simulate('--log', file('events.db'))).toBe(1)
    expect(terminal.err).toContain('events.db has events already. Name another file with --log.')
  })
})
