import { expect, test } from 'vitest'
import type { Event } from '../../../src/core/events.ts'
import { verify } from '../../../src/replay/verify/verify.ts'
import { logOf } from '../../support/log-of.ts'
import { recordedWorld } from '../worlds.ts'

/** Two calls a second: the third request waits for a timer. */
const EVENTS = recordedWorld({ arrivals: [0, 0, 0, 2000] })

const placeOf = (type: Event['type']) => EVENTS.findIndex((event) => event.type === type)

/** The log with something else in one event. */
function withOther(place: number, other: object): Event[] {
  return EVENTS.with(place, { ...EVENTS[place]!, ...other } as Event)
}

const differenceIn = (events: readonly Event[]) => verify(logOf(events)).difference

test('a timer that is not armed', () => {
  const i = placeOf('timer.fired')
  expect(differenceIn(withOther(i, { data: { timer: 999 } }))).toMatchObject({
    ...{ seq: i + 1, kind: 'timer', message: 'timer 999 is not armed', executed: null },
  })
})

test('a timer that fires before it is due', () => {
  const i = EVENTS.findIndex(({ type, at }, place) => type === 'timer.fired' && at > EVENTS[place - 1]!.at)
  const early = EVENTS[i]!.at - EVENTS[i - 1]!.at
  const { timer } = EVENTS[i]!.data as { timer: number }
  expect(differenceIn(withOther(i, { at: EVENTS[i]!.at - early }))).toMatchObject({
    ...{ seq: i + 1, kind: 'timer', message: `timer ${timer} is due ${early} ms later` },
  })
})

test('a request whose id belongs to another place', () => {
  const i = placeOf('request.received')
  const { request } = EVENTS[i]!
  expect(differenceIn(withOther(i, { request: 'req_1_zz' }))).toMatchObject({
    ...{ seq: i + 1, kind: 'request', message: `a request that comes in here has the id ${request}` },
  })
})

test('a time that goes back', () => {
  const last = EVENTS.length - 1
  expect(differenceIn(withOther(last, { at: EVENTS[last - 1]!.at - 5 }))).toMatchObject({
    ...{ seq: last + 1, kind: 'time', message: 'the time goes back by 5 ms' },
  })
})

test('several events that are missing, as after a disk was full for too long', () => {
  expect(differenceIn(EVENTS.toSpliced(4, 3))).toMatchObject({
    ...{ seq: 8, kind: 'gap', message: 'events 5 to 7 are missing before it' },
  })
})

test('no more than the process says itself that it lost to a disk; the next one is verified again', () => {
  const events = recordedWorld({ arrivals: [0, 0, 0, 2000, 200_000], crashes: [100_000] })
  const lost = events.findIndex(({ type }) => type === 'request.queued')
  const start = events.findLastIndex(({ type }) => type === 'process.started')
  const told = (dropped: number) => {
    const resumed = { type: 'log.resumed', request: null, llm: null, data: { dropped, failing_ms: 10 } }
    const log = events.with(start - 1, { ...events[start - 1]!, ...resumed } as Event).toSpliced(lost, 1)
    return verify(logOf(log))
  }
  expect(told(1)).toMatchObject({
    difference: null,
    processes: 2,
    events: lost + events.length - start,
    unverified: [{ from: lost + 2, to: start, because: expect.stringContaining('could not be written') }],
  })
  expect(told(0).difference).toMatchObject({ kind: 'gap', seq: lost + 2 })
})

test('an event that stands there twice', () => {
  const again = { ...EVENTS[3]!, seq: 3 } as Event
  expect(differenceIn([...EVENTS.slice(0, 3), again])).toMatchObject({
    ...{ seq: 3, kind: 'gap', message: 'it comes after event 3' },
  })
})

test('a configuration that is not the one of its hash', () => {
  const { data } = EVENTS[0]!
  expect(differenceIn(withOther(0, { data: { ...data, config_hash: '4711' } }))).toMatchObject({
    ...{ seq: 1, kind: 'config', message: 'its configuration does not have the hash that stands with it' },
  })
})

test('a process that cannot be started', () => {
  const { data } = EVENTS[0]!
  expect(differenceIn(withOther(0, { data: { ...data, config: {} } }))).toMatchObject({
    ...{ seq: 1, kind: 'broken', message: expect.stringMatching(/^the process cannot be started: ./) },
  })
})

test('a fact that takes the process down, which is said at the event that does not come then', () => {
  const i = placeOf('request.received')
  const broken = { ...EVENTS[i]!.data, modes: null }
  expect(differenceIn(withOther(i, { data: broken }))).toMatchObject({
    ...{ seq: i + 2, kind: 'broken', message: expect.stringMatching(/^a bug ends the process here: ./) },
  })
})

test('a log that ends before a decision', () => {
  expect(differenceIn(EVENTS.slice(0, -1))).toEqual({
    ...{ seq: EVENTS.length, kind: 'decision', recorded: null, executed: EVENTS.at(-1) },
    message: 'the process ends without a decision that follows from what it recorded',
  })
})

test('what a crash of an LLM is called is up to the runtime, and no difference', () => {
  const i = placeOf('attempt.finished')
  const facts = withOther(i, { data: { ...EVENTS[i]!.data, limits: [null] } }).slice(0, i + 1)
  const crash = differenceIn(facts)!.executed!
  expect(crash.type).toBe('llm.crashed')
  const recorded = [...facts, { ...crash, data: { message: 'in the words of another runtime' } } as Event]
  expect(differenceIn(recorded)?.recorded ?? null).toBeNull()
})
