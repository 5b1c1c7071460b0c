import { expect, test } from 'vitest'
import { createRandom } from '../../src/core/random.ts'
import type { Limit } from '../../src/core/types.ts'
import { arrivalsOf } from '../../src/sim/arrivals.ts'
import { START } from '../../src/sim/clock.ts'
import type { Counting } from '../../src/sim/meter.ts'
import { runWorld } from '../../src/sim/run.ts'
import { declared } from '../../src/sim/truth.ts'
import type { WorldSetup } from '../../src/sim/world.ts'
import { watchFolds } from '../support/folding.ts'
import { policyOf } from '../support/world.ts'
import { provider, source, specOf, truth } from './support.ts'

const PER_MS = 10_000
const WINDOWS = 20
const JUMPED = { jumps: [{ atMs: 11 * PER_MS, byMs: 4_000 }] }

/** A world with more to do than fits, in which nothing is said of how the provider counts; its process crashes half-way. */
function playedWith(counting: Counting, rest: Partial<WorldSetup> = {}) {
  const real = provider('A', {
    limits: [truth({ amount: 60, perMs: PER_MS, counting, promised: false })],
    network: { leastMs: 10, jitterMs: 100 },
    headers: { kind: 'honest' },
  })
  const limit: Limit = { ...declared({ ...real.limits[0]!, counting: { kind: 'sliding' } }), assumed: true }
  const pattern = { kind: 'steady', perHour: 360 * 120 } as const
  const end = START + WINDOWS * PER_MS
  const policy = policyOf([specOf(real, { limits: [limit] })])
  const { world, events, counters } = runWorld(
    {
      seed: 1,
      policy,
      providers: [real],
      arrivals: arrivalsOf([source({ pattern, maxWaitMs: PER_MS })], createRandom(1), START, end),
      crashes: [{ atMs: 12.5 * PER_MS, downMs: 1000 }],
      ...rest,
    },
    { keep: true },
  )
  const lessons = events.flatMap(({ type, data }) => (type === 'llm.limit_learned' ? [data.cause] : []))
  return { ledger: world.life.balancer.views[0]!.account.ledgers[0]!, lessons, counters, events, policy }
}

test.each<[string, Counting]>([
  ['bucket', { kind: 'bucket', capacity: 60 }],
  ['fixed', { kind: 'fixed', phaseMs: 3_456 }],
])('a kind that was learned survives a crash, and nothing is refused: %s', (window, counting) => {
  const { ledger, lessons, counters } = playedWith(counting)
  expect(counters.refused).toBe(0)
  expect(lessons.filter((cause) => cause !== 'remaining')).toEqual(['window_header'])
  expect([ledger.limit.window, ledger.limit.amount]).toEqual([window, 60])
})

test('a phase is no longer known after a restart if the wall clock was set, and is learned anew', () => {
  const { lessons, counters, events } = playedWith({ kind: 'fixed', phaseMs: 3_456 }, JUMPED)
  expect(events.some(({ type }) => type === 'clock.jumped')).toBe(true)
  expect(counters.refused).toBe(0)
  expect(lessons.filter((cause) => cause !== 'remaining')).toEqual(['window_header', 'window_header'])
})

test.each<[string, Counting, Partial<WorldSetup>]>([
  ['bucket', { kind: 'bucket', capacity: 60 }, {}],
  ['fixed', { kind: 'fixed', phaseMs: 3_456 }, {}],
  ['fixed, with a clock that is set', { kind: 'fixed', phaseMs: 3_456 }, JUMPED],
])(
  'what is learned of a kind, and how far it is trusted, is folded from the log alike: %s',
  (_, counting, rest) => {
    const watch = watchFolds(playedWith(counting).policy.specs, 1, 5)
    playedWith(counting, { ...rest, create: watch.create })
    for (const { seq, live, folded, resumed } of watch.looks) {
      expect(folded, `event ${seq}`).toEqual(live)
      expect(resumed, `event ${seq}, from a checkpoint`).toEqual(live)
    }
    const trusted = watch.looks.map(({ live }) => live.llms[0]!.ledgers[0]!.learned?.keptAs?.trust ?? 0)
    expect(Math.max(...trusted)).toBeGreaterThan(1)
  },
)
