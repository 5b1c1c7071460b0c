import { describe, expect, test } from 'vitest'
import { announce } from '../../../src/actors/announce.ts'
import { createBalancer } from '../../../src/actors/balancer.ts'
import { decidingOf } from '../../../src/config/policy.ts'
import { startFrom } from '../../../src/config/start.ts'
import type { Event } from '../../../src/core/events.ts'
import { verify } from '../../../src/replay/verify/verify.ts'
import { drawSwarm } from '../../../src/sim/swarm.ts'
import { runTrial } from '../../../src/sim/trial.ts'
import { arrival, limit, llm } from '../../support/llms.ts'
import { logOf } from '../../support/log-of.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import { policyOf } from '../../support/world.ts'
import { drawnLog, recordedWorld } from '../worlds.ts'

/** `LLB_TEST_RUNS=20000` makes it a campaign. */
const seeds = Math.max(100, Number(process.env.LLB_TEST_RUNS ?? 100))

test(`the logs of ${seeds} drawn worlds, with crashes and all, are what their facts lead to`, {
  timeout: 600_000,
}, () => {
  let [decisions, processes] = [0, 0]
  for (let seed = 1; seed <= seeds; seed++) {
    const events = drawnLog(seed)
    const verified = verify(logOf(events))
    expect(verified, `seed ${seed}`).toMatchObject({
      events: events.length,
      unverified: [],
      difference: null,
    })
    decisions += verified.decisions
    processes += verified.processes
  }
  expect(decisions).toBeGreaterThan(50 * seeds)
  expect(processes).toBeGreaterThan(1.5 * seeds)
})

describe('a log that lost its beginning', () => {
  const DAY_MS = 86_400_000
  const events = recordedWorld({
    arrivals: [0, 10, DAY_MS, 4 * DAY_MS],
    crashes: [DAY_MS + 10_000, 4 * DAY_MS - 1000],
  })
  const starts = events.filter(({ type }) => type === 'process.started').map(({ seq }) => seq)

  test('is whole to begin with', () => {
    expect(starts).toHaveLength(3)
    expect(verify(logOf(events))).toMatchObject({
      events: events.length,
      processes: 3,
      unverified: [],
      difference: null,
    })
  })

  test('is verified from the first process on that started from what is still there', () => {
    const [, second = 0, third = 0] = starts
    expect(verify(logOf(events.slice(5)))).toMatchObject({
      events: events.length + 1 - third,
      processes: 1,
      unverified: [
        { from: 6, to: second - 1, because: 'the log does not hold the start of this process any more' },
        {
          ...{ from: second, to: third - 1 },
          because: 'the log does not hold all that this process started from any more',
        },
      ],
      difference: null,
    })
  })

  test('may have come from a version that did not say what a process starts from', () => {
    const old = events.map((event) => {
      if (event.type !== 'process.started' || event.seq > 1) return event
      const { recovered_at, disabled, ...data } = event.data
      return { ...event, v: 1, data } as unknown as Event
    })
    const { unverified, difference } = verify(logOf(old))
    expect(difference).toBeNull()
    expect(unverified).toEqual([
      {
        ...{ from: 1, to: starts[1]! - 1 },
        because: 'the version that recorded this process does not say what it started from',
      },
    ])
  })
})

test('an empty log has nothing to verify', () => {
  expect(verify(logOf([]))).toEqual({
    events: 0,
    decisions: 0,
    processes: 0,
    unverified: [],
    difference: null,
  })
})

test('what was looked at is told as it goes', () => {
  const events = recordedWorld({ arrivals: [0, 10] })
  const told: number[] = []
  verify(logOf(events), (seq) => void told.push(seq))
  expect(told).toEqual(events.map(({ seq }) => seq))
})

test('no event is changed once it was recorded, so that what is written later is what was decided', () => {
  const create: typeof createBalancer = (options, prefix) =>
    createBalancer({ ...options, record: (event) => options.record(frozen(event)) }, prefix)
  for (let seed = 1; seed <= 50; seed++) {
    const { events, violation } = runTrial(drawSwarm(seed), create)
    expect(violation, `seed ${seed}`).toBeNull()
    expect(verify(logOf(events)), `seed ${seed}`).toMatchObject({ events: events.length, difference: null })
  }
})

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) frozen(inner)
  return Object.freeze(value)
}

test('a process of another configuration starts from what the log tells of the LLMs that are left', () => {
  const before = recordedWorld({ arrivals: [0, 0, 10] })
  const { seq, at } = before.at(-1)!
  const clock = createVirtualClock(at + 1)
  const config = JSON.parse(
    JSON.stringify(decidingOf(policyOf([llm('B'), llm('A', { limits: [limit('requests', 3, 5000)] })]))),
  )
  const started = {
    ...{ version: '2', runtime: 'virtual', seed: 2, config_hash: '', config },
    ...{ recovered_at: at + 1, disabled: [{ llm: 'B', because: 'B_KEY is not set' }] },
  }
  const { policy, recovered } = startFrom(started, () => before)
  const after: Event[] = []
  const balancer = createBalancer(
    {
      ...{ policy, clock, lastSeq: seq, llms: recovered.llms, hours: recovered.hours },
      record: (event) => void after.push(event),
      fatal: expect.fail,
    },
    '2_',
  )
  balancer.ingest('process.started', started)
  announce(balancer, recovered)
  balancer.ingest('request.received', arrival(), balancer.nextRequestId())
  clock.advance(10_000)
  expect(after.map(({ type }) => type)).toContain('request.dispatched')
  const waited = after.find(({ type }) => type === 'request.queued')
  expect(waited?.data).toMatchObject({ waiting_for: expect.stringContaining('of A') })
  const events = [...before, ...after]
  expect(verify(logOf(events))).toMatchObject({ events: events.length, processes: 2, difference: null })
})
