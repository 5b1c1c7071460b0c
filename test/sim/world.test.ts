import { describe, expect, test } from 'vitest'
import type { Event, EventOf, EventType } from '../../src/core/events.ts'
import { createRandom } from '../../src/core/random.ts'
import { arrivalsOf, type Source } from '../../src/sim/arrivals.ts'
import { START } from '../../src/sim/clock.ts'
import { always } from '../../src/sim/draw.ts'
import type { Fault } from '../../src/sim/faults.ts'
import type { ProviderSpec } from '../../src/sim/provider.ts'
import { runWorld } from '../../src/sim/run.ts'
import type { WorldSetup } from '../../src/sim/world.ts'
import { policyOf } from '../support/world.ts'
import { policyFor, provider, source, specOf, truth } from './support.ts'

function run(
  providers: readonly ProviderSpec[],
  sources: readonly Source[],
  rest: Partial<WorldSetup> & { endMs?: number } = {},
) {
  const { endMs = 60_000, ...setup } = rest
  const arrivals = arrivalsOf(sources, createRandom(1), START, START + endMs)
  const result = runWorld(
    { seed: 1, policy: policyFor(providers), providers, arrivals, ...setup },
    { keep: true },
  )
  const all = <T extends EventType>(type: T) =>
    result.events.filter((event): event is Event & EventOf<T> => event.type === type)
  return { ...result, all }
}

test('a request travels, is answered by the truth and travels back', () => {
  const { all, events, outcomes, counters } = run(
    [provider('A', { limits: [truth()] })],
    [source({ pattern: { kind: 'burst', requests: 1, atMs: 0, everyMs: null } })],
  )
  // 10 ms there, 100 ms of latency, 10 tokens in 100 ms, 10 ms back.
  expect(all('attempt.finished')[0]).toMatchObject({
    at: START + 220,
    data: {
      usage: { input_tokens: 10, output_tokens: 10, cached_tokens: 0 },
      duration_ms: 220,
      first_byte_ms: 220,
    },
  })
  expect(outcomes['request.completed']).toBe(1)
  expect(counters).toEqual({ requests: 1, attempts: 1, refused: 0, events: events.length, elapsedMs: 220 })
})

test('a stream has a head of its own, which tells of the limits', () => {
  const { all } = run(
    [provider('A', { limits: [truth()], headers: { kind: 'honest' } })],
    [source({ stream: true, pattern: { kind: 'burst', requests: 1, atMs: 0, everyMs: null } })],
  )
  expect(all('attempt.started')[0]?.data).toEqual({
    attempt: 1,
    status: 200,
    headers_ms: 120,
    limits: [{ unit: 'requests', per_ms: 1000, limit: 2, remaining: 1, reset_ms: 900 }],
  })
  expect(all('attempt.finished')[0]?.data).toMatchObject({ first_byte_ms: 120, limits: [] })
})

test('requests that find no room wait for the truth to have some, and are not refused', () => {
  const { outcomes, counters, all } = run(
    [provider('A', { limits: [truth()] })],
    [source({ pattern: { kind: 'burst', requests: 6, atMs: 0, everyMs: null } })],
  )
  expect(outcomes['request.completed']).toBe(6)
  expect(counters.refused).toBe(0)
  expect(all('request.dispatched').map(({ data }) => data.wait_ms)).toEqual([0, 0, 1500, 1500, 3000, 3000])
})

test('a limit that is lower in truth is met with a 429, which is waited out', () => {
  const truthful = provider('A', { limits: [truth({ amount: 1 })] })
  const policy = policyOf([specOf(provider('A', { limits: [truth({ amount: 3 })] }))])
  const { outcomes, counters, all } = run([truthful], [source()], { policy })
  expect(outcomes['request.completed']).toBe(3)
  expect(counters.refused).toBeGreaterThan(0)
  expect(all('attempt.failed')[0]?.data).toMatchObject({
    class: 'rate_limited',
    status: 429,
    retry_after_ms: 1000,
  })
})

describe('a provider meets a call with', () => {
  const meets = (fault: Fault, stream = false) => {
    const faults = [{ fault, fromMs: 0, toMs: 1000, permille: 1000 }]
    const spec = provider('A', { limits: [truth({ unit: 'concurrency', amount: 1, perMs: 0 })], faults })
    const policy = policyOf([specOf(spec, { firstByteTimeoutMs: 3000, idleTimeoutMs: 2000 })])
    const burst = { kind: 'burst', requests: 1, atMs: 0, everyMs: null } as const
    const result = run([spec], [source({ stream, pattern: burst })], { policy })
    expect(result.world.providers[0]?.quota.active).toBe(0)
    const { at, data } = result.all('attempt.failed')[0]!
    return { ms: at - START, class: data.class, status: data.status, delivered: data.delivered }
  }

  test.each([
    ['refused', false, { ms: 10, class: 'unreachable', status: null, delivered: false }],
    ['reset_before', false, { ms: 120, class: 'interrupted', status: null, delivered: false }],
    ['reset_after', false, { ms: 170, class: 'interrupted', status: null, delivered: false }],
    ['reset_after', true, { ms: 170, class: 'interrupted', status: null, delivered: true }],
    ['hang', false, { ms: 3000, class: 'timeout', status: null, delivered: false }],
    ['stall', false, { ms: 3000, class: 'timeout', status: null, delivered: false }],
    ['stall', true, { ms: 2170, class: 'timeout', status: null, delivered: true }],
    ['error_500', false, { ms: 120, class: 'server_error', status: 500, delivered: false }],
    ['overloaded_503', false, { ms: 20, class: 'overloaded', status: 503, delivered: false }],
    ['overloaded_529', false, { ms: 20, class: 'overloaded', status: 529, delivered: false }],
    ['unauthorized', false, { ms: 20, class: 'unauthorized', status: 401, delivered: false }],
  ] as const)('%s (stream: %s)', (fault, stream, expected) => {
    expect(meets(fault, stream)).toEqual(expected)
  })
})

test('a client that leaves frees its place at the provider', () => {
  const leaving = { permille: 1000, afterMs: always(50) }
  const { outcomes, world, all } = run([provider('A', { limits: [truth()] })], [source({ leaving })])
  expect(outcomes['request.abandoned']).toBe(3)
  expect(all('request.abandoned').map(({ data }) => data.while)).toEqual(['running', 'running', 'queued'])
  expect(world.providers[0]?.quota.active).toBe(0)
})

test('another tenant takes its share of the quota until it goes', () => {
  const tenant = { everyMs: 400, tokens: 1, onMs: 1, offMs: 0, untilMs: 10_000 }
  const { outcomes, counters, all } = run([provider('A', { limits: [truth()], tenant })], [source()])
  expect(outcomes['request.completed']).toBe(3)
  expect(counters.refused).toBeGreaterThan(0)
  expect(all('request.dispatched').at(-1)!.at - START).toBeGreaterThan(1500)
})

test('a process that dies goes on from its log: what ran is lost, what was spent is not forgotten', () => {
  const { outcomes, all, counters } = run(
    [provider('A', { limits: [truth({ amount: 2, perMs: 5000 })] })],
    [
      source({ pattern: { kind: 'burst', requests: 2, atMs: 0, everyMs: null } }),
      source({ pattern: { kind: 'burst', requests: 2, atMs: 1000, everyMs: null } }),
    ],
    { crashes: [{ atMs: 50, downMs: 100 }] },
  )
  expect(all('process.started')).toHaveLength(2)
  expect(all('request.failed').map(({ data }) => data.code)).toEqual(['restarted', 'restarted'])
  expect(outcomes['request.completed']).toBe(2)
  expect(all('request.dispatched').map(({ at }) => at - START)).toEqual([0, 0, 5500, 5500])
  expect(counters.refused).toBe(0)
})

test('nobody gets in while the process is down', () => {
  const { counters } = run([provider('A')], [source({ pattern: { kind: 'steady', perHour: 36_000 } })], {
    crashes: [{ atMs: 250, downMs: 500 }],
    endMs: 1000,
  })
  expect(counters.requests).toBe(5)
})

test('a run can be stopped at an instant, and keeps no events unless told to', () => {
  const providers = [provider('A')]
  const arrivals = arrivalsOf([source()], createRandom(1), START, START + 1000)
  const result = runWorld({ seed: 1, policy: policyFor(providers), providers, arrivals }, { untilMs: 100 })
  expect(result.events).toEqual([])
  expect(result.outcomes['request.completed']).toBe(0)
  expect(result.world.life.balancer.state.running.size).toBe(3)
})

test('travel times that differ by the guard are never refused, and those that differ by more are', () => {
  const refusedAt = (jitterMs: number) => {
    const limits = [truth({ amount: 5, perMs: 2000 })]
    const pattern = { kind: 'steady', perHour: 36_000 } as const
    const spec = provider('A', { limits, network: { leastMs: 10, jitterMs } })
    return run([spec], [source({ pattern, maxWaitMs: 600_000 })]).counters.refused
  }
  expect(refusedAt(500)).toBe(0)
  expect(refusedAt(1500)).toBeGreaterThan(10)
})
