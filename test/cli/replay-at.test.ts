import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { decidingOf } from '../../src/config/policy.ts'
import { checkpointOf } from '../../src/core/checkpoint.ts'
import type { Event } from '../../src/core/events.ts'
import { openLog } from '../../src/log/sqlite.ts'
import { limit, llm } from '../support/llms.ts'
import { openTerminal } from '../support/terminal.ts'
import { START } from '../support/virtual-clock.ts'
import { openWorld, policyOf, type World } from '../support/world.ts'

const terminal = openTerminal()
let file: string
beforeEach(() => {
  file = join(terminal.folder, 'events.db')
})

const specs = [llm('A', { limits: [limit('requests', 2, 60_000, 'requests_per_min')] }), llm('B')]
const config = decidingOf(policyOf(specs))

/**
 * Two requests run on A, of which one ends after a second; the third, for A too, waits from then on. B gets a wrong key.
 */
function givenDay(): World {
  const world = openWorld({ specs })
  const who = { version: '1', runtime: 'bun', seed: 1, disabled: [] }
  world.balancer.ingest('process.started', { ...who, config_hash: 'hash', config, recovered_at: START })
  const first = world.arrives({ model: 'A' })
  world.arrives({ model: 'A' })
  world.fails(world.arrives({ model: 'B' }), 'unauthorized', { message: 'no such key' })
  world.clock.advance(1000)
  world.finishes(first, { input: 5, output: 7 })
  world.arrives({ model: 'A', client: 'tests', priority: 'low' })
  return world
}

function keep(events: readonly Event[], from = 1): void {
  const log = openLog(file)
  log.append(events.filter(({ seq }) => seq >= from))
  log.close()
}

const replay = (...args: string[]) => run(['replay', '--log', file, ...args], {})
const lines = () => terminal.out.trimEnd().split('\n')

describe('replay --at', () => {
  test('shows the states, limits, queue and calls of a place', async () => {
    const { events } = givenDay()
    keep(events)
    expect(await replay('--at', '999')).toBe(0)
    expect(lines()).toEqual([
      `after event ${events.length} at ${new Date(START + 1000).toISOString()}: 1 waiting, 1 running`,
      'LLM  status     until      because',
      'A    exhausted  in 59.5 s  requests_per_min is used up',
      'B    disabled   -          the provider rejected its key: no such key',
      '',
      'limit             of  used  reserved  in force  declared       room  unused',
      'requests_per_min  A      2         1         2         2  in 59.5 s  in 59.5 s',
      '',
      'waiting     client  model  priority   for  came at position  waits for',
      'req_test_e  tests   A      low       0 ms                 1  requests_per_min of A',
      '',
      'running     client   LLM  attempt    for  tokens reserved',
      'req_test_4  anybody  A          1  1.0 s  10 + 10',
    ])
    expect(terminal.err).toBe('')
  })

  test('tells the same as JSON, and another place by its time', async () => {
    keep(givenDay().events)
    expect(await replay('--at', new Date(START).toISOString(), '--json')).toBe(0)
    const picture = JSON.parse(terminal.out)
    expect(picture).toMatchObject({ at: START, config_hash: 'hash', waiting: [] })
    expect(picture.running.map(({ llm }: { llm: string }) => llm)).toEqual(['A', 'A'])
    expect(picture.limits).toEqual([
      {
        llms: ['A'],
        limit: 'requests_per_min',
        per_ms: 60_000,
        declared: 2,
        in_force: 2,
        used: 2,
        reserved: 2,
        room_at: START + 60_500,
        unused_at: START + 60_500,
      },
    ])
  })

  test('says what is no place', async () => {
    keep(givenDay().events)
    expect(await replay('--at', 'noon')).toBe(2)
    expect(terminal.err).toMatch(/^--at is "noon"; it must be the number of an event, a duration ago/)
  })

  test('says from where on a log can be told of which the beginning is gone', async () => {
    const world = givenDay()
    keep(world.events, 4)
    expect(await replay('--at', '9')).toBe(1)
    expect(terminal.err).toBe('The log does not reach back far enough to tell the state there.\n')
    const log = openLog(file)
    const state = JSON.stringify(checkpointOf(world.balancer.folded(), world.clock.now()))
    log.checkpoint({ seq: world.events.length, at: world.clock.now(), configHash: 'hash', config, state })
    log.close()
    terminal.err = ''
    expect(await replay('--at', '9')).toBe(1)
    expect(terminal.err).toContain(`It can be told from event ${world.events.length} on.`)
    expect(await replay('--at', '999')).toBe(0)
    expect(terminal.out).toContain('1 waiting, 1 running')
  })

  test('an empty log has nothing to tell', async () => {
    openLog(file).close()
    expect(await replay('--at', '1')).toBe(1)
    expect(terminal.err).toBe(`The event log ${file} has no events yet.\n`)
  })
})

describe('replay --follow', () => {
  test('prints each event in words and what it changed', async () => {
    const { events } = givenDay()
    keep(events)
    const dispatched = events.find(({ type }) => type === 'request.dispatched')!
    expect(await replay('--follow', '--until', String(dispatched.seq))).toBe(0)
    expect(lines().at(-1)).toMatch(
      /^ +\d+ {2}[\d:.]{12} {2}req_test_\w+ +dispatched to A .*\[A requests_per_min 0 > 1 of 2; 0 waiting, 1 running\]$/,
    )
    expect(lines()).toHaveLength(dispatched.seq - 1)
  })

  test('cannot end before it begins', async () => {
    keep(givenDay().events)
    expect(await replay('--follow', '--at', '5', '--until', '4')).toBe(2)
    expect([terminal.out, terminal.err]).toEqual(['', '--until must not be before --at.\n'])
  })

  test('begins after a place and ends with the log', async () => {
    const { events } = givenDay()
    keep(events)
    expect(await replay('--follow', '--at', String(events.length - 2))).toBe(0)
    expect(lines()).toEqual([
      expect.stringContaining('received   model "A" from tests'),
      expect.stringContaining('queued     at position 1, waits for requests_per_min of A'),
    ])
  })
})

test('replay without a task says what there is', async () => {
  expect(await replay()).toBe(2)
  expect(terminal.err).toContain('--at PLACE, --follow or --verify')
})
