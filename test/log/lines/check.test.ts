import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EVENT_VERSIONS } from '../../../src/core/event-versions.ts'
import { type Event, isTerminal } from '../../../src/core/events.ts'
import { createCheck } from '../../../src/log/lines/check.ts'
import { drawSwarm } from '../../../src/sim/swarm.ts'
import { runTrial } from '../../../src/sim/trial.ts'
import { event, ticks } from '../../support/events.ts'
import { arrival } from '../../support/llms.ts'
import { play, scenarios } from '../../support/scenario.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 60)

function checked(events: readonly Event[]) {
  const problems: string[] = []
  const check = createCheck((problem) => void problems.push(problem))
  for (const one of events) check.see(one)
  const summary = check.end()
  return { problems, summary }
}
const problemsOf = (events: readonly Event[]) => checked(events).problems

const received = (seq: number) => event(seq, 'request.received', arrival(), { request: `req_test_${seq}` })
const abandoned = (seq: number, request: string) =>
  event(seq, 'request.abandoned', { while: 'queued' }, { request })
const refusal = { status: 503, code: 'restarted', message: 'restarted' }
const failed = (seq: number, request: string) =>
  event(seq, 'request.failed', { ...refusal, attempts: 1, cost_nano_usd: 0, wait_ms: 0 }, { request })
const self = { version: '0', runtime: 'bun', seed: 1, config_hash: '', config: null, recovered_at: 1 }
const start = (seq: number) => event(seq, 'process.started', { ...self, disabled: [] })

test('nothing is wrong with what the balancer records', () => {
  const check = ({ events, all }: ReturnType<typeof play>) => {
    const { problems, summary } = checked(events)
    expect(problems).toEqual([])
    expect(summary).toMatchObject({
      events: events.length,
      requests: all('request.received').length,
      underWay: 0,
    })
  }
  const runs = scenarios({ mostUsed: 1.8, reports: true }).map((scenario) => play(scenario))
  fc.assert(
    fc.property(runs, (world) => void check(world)),
    { numRuns },
  )
})

test('nor with what whole worlds record, in which providers fail and processes die', () => {
  let starts = 0
  for (let seed = 1; seed <= numRuns; seed++) {
    const { problems, summary } = checked(runTrial(drawSwarm(seed)).events)
    expect({ seed, problems }).toEqual({ seed, problems: [] })
    starts += summary.processes
  }
  expect(starts).toBeGreaterThan(numRuns)
})

test('an event that is lost, doubled or moved is always found', () => {
  const runs = scenarios({ mostUsed: 1, reports: true }).map((scenario) => play(scenario).events)
  const changes = {
    lost: (events: Event[], i: number) => events.toSpliced(i, 1),
    doubled: (events: Event[], i: number) => events.toSpliced(i, 0, events[i]!),
    moved: (events: Event[], i: number) => events.toSpliced(i, 2, events[i + 1]!, events[i]!),
  }
  fc.assert(
    fc.property(runs, fc.nat(), fc.constantFrom(...Object.values(changes)), (events, place, change) => {
      // Neither end of a log can be missed: there is nothing to tell of it.
      fc.pre(events.length > 3)
      const i = 1 + (place % (events.length - 3))
      expect(problemsOf(change([...events], i))).not.toEqual([])
    }),
    { numRuns },
  )
})

test('an ending that is left out or written twice is found, whatever the numbers say', () => {
  const runs = scenarios({ mostUsed: 1, reports: true }).map((scenario) => play(scenario).events)
  // As if the server had never written it, or had written it twice.
  const renumbered = (events: Event[]) => events.map((one, i) => ({ ...one, seq: i + 1 }))
  const isEnd = ({ type }: Event) => isTerminal(type)
  fc.assert(
    fc.property(runs, fc.boolean(), (events, twice) => {
      const i = events.findLastIndex(isEnd)
      const end = events[i]!
      const changed = renumbered(
        twice ? [...events.slice(0, i), end, ...events.slice(i)] : events.toSpliced(i, 1),
      )
      const last = changed.at(-1)!
      const next = { ...start(last.seq + 1), at: last.at }
      const after = { ...ticks(1, last.seq + 2)[0]!, at: last.at }
      const told = problemsOf([...changed, next, after])
      expect(told).toContainEqual(expect.stringContaining(end.request!))
    }),
    { numRuns },
  )
})

describe('it is told that', () => {
  test('events are missing', () => {
    expect(problemsOf([...ticks(3), ...ticks(2, 8)])).toEqual(['events 4 to 7 are missing'])
  })

  test('numbers or times go back', () => {
    const late = ticks(1, 3)[0]!
    expect(problemsOf([...ticks(3), late])).toEqual(['event 3 comes after event 3'])
    expect(problemsOf([...ticks(2), { ...late, at: 5 }])).toEqual([
      'event 3 is earlier than the one before it',
    ])
  })

  test('an event is not as the catalogue says', () => {
    expect(problemsOf([{ ...ticks(1)[0]!, data: { timer: 'soon' } } as never])).toEqual([
      'event 1 (timer.fired) has data that are not valid: timer: Invalid type: Expected number but received "soon"',
    ])
  })

  test('a request comes in twice, or under a wrong id', () => {
    const again = { ...received(1), seq: 2 }
    expect(problemsOf([received(1), again])).toEqual([
      'event 2: request req_test_1 comes in a second time',
      'event 2: the id req_test_1 does not end in this number',
    ])
  })

  test('a request goes on after its end', () => {
    expect(problemsOf([received(1), abandoned(2, 'req_test_1'), abandoned(3, 'req_test_1')])).toEqual([
      'event 3 (request.abandoned) is about request req_test_1, which ended before or never came in',
    ])
  })

  test('a request of a process that is gone never ended', () => {
    const log = [start(1), received(2), received(3), start(4), failed(5, 'req_test_2'), ...ticks(2, 6)]
    expect(problemsOf(log)).toEqual(['request req_test_3 never ended'])
  })
})

describe('events that the disk did not take', () => {
  const resumed = (seq: number, dropped: number) => event(seq, 'log.resumed', { dropped, failing_ms: 9 })

  test('are no problem where the log tells how many they are', () => {
    const { problems, summary } = checked([...ticks(3), ...ticks(2, 8), ...ticks(1, 12), resumed(13, 6)])
    expect(problems).toEqual([])
    expect(summary.dropped).toBe(6)
  })

  test('are one where it tells another number', () => {
    expect(problemsOf([...ticks(3), ...ticks(2, 8), resumed(10, 3)])).toEqual([
      'event 10 says that 3 events are missing, but 4 are',
      'events 4 to 7 are missing',
    ])
    expect(problemsOf([...ticks(3), resumed(4, 1)])).toEqual([
      'event 4 says that 1 events are missing, but 0 are',
    ])
  })

  test('may be the arrivals and ends of requests', () => {
    const log = [
      start(1),
      received(2),
      ...ticks(1, 10),
      abandoned(11, 'req_test_5'),
      start(12),
      ...ticks(1, 13),
    ]
    expect(problemsOf(log)).toEqual(['events 3 to 9 are missing'])
  })
})

describe('it is all right that', () => {
  test('a log begins later than with its first event, in the midst of requests', () => {
    expect(problemsOf([...ticks(2, 50), abandoned(52, 'req_test_7'), ...ticks(1, 53)])).toEqual([])
  })

  test('requests are under way when it ends', () => {
    const { problems, summary } = checked([start(1), received(2), received(3), abandoned(4, 'req_test_2')])
    expect(problems).toEqual([])
    expect(summary).toMatchObject({ processes: 1, requests: 2, underWay: 1 })
  })

  test('a process dies twice before it has ended what was left behind', () => {
    expect(problemsOf([received(1), start(2), start(3), failed(4, 'req_test_1'), ...ticks(1, 5)])).toEqual([])
  })

  test('an event is of an older version', () => {
    const { recovered_at: _, ...old } = self
    expect(EVENT_VERSIONS['process.started']).toBe(2)
    expect(problemsOf([{ ...start(1), v: 1, data: old } as Event])).toEqual([])
  })
})
