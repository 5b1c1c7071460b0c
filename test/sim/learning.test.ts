import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/random.ts'
import { arrivalsOf } from '../../src/sim/arrivals.ts'
import { changingQuota } from '../../src/sim/changing-quota.ts'
import { START } from '../../src/sim/clock.ts'
import { runWorld } from '../../src/sim/run.ts'
import { policyOf } from '../support/world.ts'
import { provider, source, specOf, truth } from './support.ts'

const MINUTE_MS = 60_000

test('what was learned survives a crash: nothing has to be refused again', () => {
  const limit = (sliced: boolean) =>
    truth({
      ...{ name: 'requests_per_min', amount: 600, perMs: MINUTE_MS, promised: false },
      counting: sliced ? { kind: 'quantised', sliceMs: 10_000, phaseMs: 0 } : { kind: 'sliding' },
    })
  const atOnce = { kind: 'burst', requests: 150, atMs: 0, everyMs: MINUTE_MS } as const
  const arrivals = arrivalsOf(
    [source({ pattern: atOnce, maxWaitMs: MINUTE_MS })],
    createRandom(1),
    START,
    START + 5 * MINUTE_MS,
  )
  const refusedAt: number[] = []
  const { world, counters } = runWorld({
    seed: 1,
    policy: policyOf([specOf(provider('A', { limits: [limit(false)] }))]),
    providers: [provider('A', { limits: [limit(true)] })],
    arrivals,
    crashes: [{ atMs: 1.5 * MINUTE_MS, downMs: 1000 }],
    observers: [{ event: ({ type, at }) => void (type === 'attempt.failed' && refusedAt.push(at - START)) }],
  })
  expect(counters.refused).toBeGreaterThan(0)
  expect(refusedAt.every((at) => at < MINUTE_MS)).toBe(true)
  const { ledgers } = world.life.balancer.views[0]!.account
  expect(ledgers.map(({ limit: { name, amount } }) => [name, amount])).toEqual([
    ['requests_per_min', 600],
    ['requests_per_min_in_10s', 100],
  ])
})

test('a quota that changes forgives what was used, and ends calls where they began', () => {
  const quota = changingQuota([truth({ amount: 1 })], [{ atMs: 100, limits: [truth({ amount: 2 })] }], START)
  const call = { input: 1, cached: 0, bound: 1, output: 1 }
  const first = quota.admit(call, START)
  expect(quota.admit(call, START + 50).kind).toBe('refused')
  expect(quota.admit(call, START + 100).kind).toBe('admitted')
  expect(quota.active).toBe(2)
  if (first.kind === 'admitted') quota.end(first.ticket, START + 150)
  expect(quota.active).toBe(1)
  expect(quota.reports(START + 150)[0]).toMatchObject({ limit: 2, remaining: 1 })
})
