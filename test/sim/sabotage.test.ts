import { describe, expect, test } from 'vitest'
import { type Balancer, type BalancerOptions, createBalancer } from '../../src/actors/balancer.ts'
import { type Event, type InputData, type InputType, isTerminal } from '../../src/core/events.ts'
import type { Limit } from '../../src/core/types.ts'
import { describeFailure, runSeed } from '../../src/sim/campaign.ts'
import { INVARIANTS, type Invariant } from '../../src/sim/invariants.ts'
import { recover } from '../support/recovered.ts'

type Create = typeof createBalancer

/** Ledgers in which nothing was spent, for the limits as altered. */
function freshAccounts({ policy, clock }: BalancerOptions, alter: (limit: Limit) => Limit | null) {
  const specs = policy.specs.map((spec) => ({
    ...spec,
    limits: spec.limits.flatMap((limit) => alter(limit) ?? []),
  }))
  return recover([], specs, () => null, clock.now()).llms.map(({ account }) => account)
}

/** A balancer that keeps other limits than those that are declared, as long as its first process lives. */
const withLimits =
  (alter: (limit: Limit) => Limit | null): Create =>
  (options, prefix) => {
    if (options.lastSeq > 0) return createBalancer(options, prefix)
    const accounts = freshAccounts(options, alter)
    const llms = options.llms.map((llm, i) => ({ ...llm, account: accounts[i]! }))
    return createBalancer({ ...options, llms }, prefix)
  }

/** A balancer whose events are changed on their way into the log; null drops one. */
const withRecord =
  (alter: (event: Event, record: BalancerOptions['record']) => void): Create =>
  (options, prefix) =>
    createBalancer({ ...options, record: (event) => alter(event, options.record) }, prefix)

type Fact = [type: InputType, data: unknown, request?: string | null, llm?: string | null]

/** A balancer that is told something else than what happened; null is nothing at all. */
const withFacts =
  (alter: (...fact: Fact) => Fact | null): Create =>
  (options, prefix) => {
    const real = createBalancer(options, prefix)
    const ingest = (...fact: Fact) => {
      const altered = alter(...fact)
      return altered && (real.ingest as (...fact: Fact) => Event)(...altered)
    }
    return Object.defineProperties({} as Balancer, {
      ...Object.getOwnPropertyDescriptors(real),
      ingest: { value: ingest },
    })
  }

const everyEvent = (record: BalancerOptions['record'], event: Event, more: Partial<Event>) =>
  record({ ...event, ...more } as Event)

let runs = 0

/** What breaks each invariant, and nothing but it. */
const SABOTAGE: readonly (readonly [Invariant, string, () => Create])[] = [
  [
    'limits',
    'a limit is taken for twice as high as it is',
    () =>
      withLimits((limit) => (limit.unit === 'concurrency' ? limit : { ...limit, amount: limit.amount * 2 })),
  ],
  [
    'limits',
    'calls start without a reservation',
    () => withLimits((limit) => (limit.unit === 'concurrency' ? limit : null)),
  ],
  [
    'limits',
    'a window is taken for shorter than it is',
    () => withLimits((limit) => ({ ...limit, perMs: Math.ceil(limit.perMs / 2) })),
  ],
  [
    'limits',
    'a restart forgets what was spent',
    () => (options, prefix) => {
      const accounts = freshAccounts(options, (limit) => limit)
      const llms = options.llms.map((llm, i) => ({ ...llm, account: accounts[i]! }))
      return createBalancer({ ...options, llms }, prefix)
    },
  ],
  [
    'slots',
    'calls under way are not counted',
    () => withLimits((limit) => (limit.unit === 'concurrency' ? null : limit)),
  ],
  [
    'one end',
    'an end is told twice',
    () =>
      withRecord((event, record) => {
        record(event)
        if (isTerminal(event.type)) record({ ...event, seq: event.seq + 1 })
      }),
  ],
  [
    'conservation',
    'an end is not told',
    () =>
      withRecord((event, record) =>
        event.type === 'request.completed'
          ? everyEvent(record, event, { type: 'timer.fired', request: null } as Partial<Event>)
          : record(event),
      ),
  ],
  [
    'sequence',
    'a number is left out',
    () =>
      withRecord((event, record) =>
        everyEvent(record, event, { seq: event.seq + Number(event.type === 'request.completed') }),
      ),
  ],
  [
    'sequence',
    'time goes back',
    () =>
      withRecord((event, record) => {
        const ended = event.type === 'request.completed'
        everyEvent(record, event, { at: event.at - (ended ? 1 : 0) })
      }),
  ],
  [
    'bounds',
    'the queue takes more than it may',
    () => (options, prefix) =>
      createBalancer({ ...options, policy: { ...options.policy, maxRequests: 1e6, maxBytes: 1e9 } }, prefix),
  ],
  [
    'pauses',
    'the wait that a provider asks for is not heard',
    () => {
      let asked: number | null = null
      const deaf = withFacts((type, data, ...rest) => {
        if (type !== 'attempt.failed') return [type, data, ...rest]
        const failed = data as InputData['attempt.failed']
        asked = failed.retry_after_ms
        return [type, { ...failed, retry_after_ms: asked === null ? null : 0 }, ...rest]
      })
      return (options, prefix) => {
        const record = (event: Event) =>
          options.record(
            event.type === 'attempt.failed'
              ? { ...event, data: { ...event.data, retry_after_ms: asked } }
              : event,
          )
        return deaf({ ...options, record }, prefix)
      }
    },
  ],
  [
    'rest',
    'the end of a call is not heard',
    () => withFacts((type, ...rest) => (type === 'attempt.finished' ? null : [type, ...rest])),
  ],
  [
    'calm',
    'room that was used never comes back',
    () => {
      const stuck = withLimits((limit) => (limit.perMs === 0 ? limit : { ...limit, perMs: 400 * 86_400_000 }))
      // A request that is refused at once does not wait for room.
      return (options, prefix) =>
        stuck({ ...options, policy: { ...options.policy, earlyRefusal: 'off' } }, prefix)
    },
  ],
  ['capacity', 'room comes back late', () => withLimits((limit) => ({ ...limit, perMs: limit.perMs * 10 }))],
  [
    'no bug',
    'the dispatcher dies',
    () => (options, prefix) => {
      options.clock.setTimeout(() => options.fatal('it died'), 100)
      return createBalancer(options, prefix)
    },
  ],
  [
    'progress',
    'a timer arms itself again and again',
    () => (options, prefix) => {
      const tick = () => void options.clock.setTimeout(tick, 1)
      tick()
      return createBalancer(options, prefix)
    },
  ],
  [
    'repeatable',
    'a decision depends on something outside',
    () => {
      const weights = { cost: 0, quality: 0, speed: 0 }
      return (options, prefix) => {
        const moody = runs++ % 2 === 0 ? { ...weights, quality: 1 } : { ...weights, cost: 1 }
        return createBalancer({ ...options, policy: { ...options.policy, weights: moody } }, prefix)
      }
    },
  ],
]

/** The first seed in which a sabotage shows, with what was found. */
function firstFound(create: () => Create, seeds: number) {
  for (let seed = 1; seed <= seeds; seed++) {
    const result = runSeed(seed, create())
    if (result.violation !== null) return { seed, result }
  }
  return null
}

test.each(SABOTAGE)('%s is violated when %s', (invariant, _, create) => {
  const found = firstFound(create, 300)
  expect(found?.result.violation?.invariant).toBe(invariant)
})

test('every invariant has a sabotage that shows that it can be violated', () => {
  const violated = new Set(SABOTAGE.map(([invariant]) => invariant))
  expect(
    INVARIANTS.map((text) => text.split(':')[0]).filter((name) => !violated.has(name as Invariant)),
  ).toEqual([])
})

describe('a failure', () => {
  test('is told with its seed, what was on, how to see it again, and the last events', () => {
    const [, , create] = SABOTAGE[0]!
    const { seed, result } = firstFound(create, 300)!
    const lines = describeFailure(seed, result).split('\n')
    expect(lines[0]).toMatch(new RegExp(`^seed ${seed}: .*L0 \\[`))
    expect(lines[1]).toBe(`again: npm run campaign -- --seeds 1 --from ${seed}`)
    expect(lines[2]).toMatch(/^violated: limits: the provider of L\d refused a call: /)
    expect(lines[3]).toMatch(/^the last \d+ of \d+ events:$/)
    expect(lines.length).toBeLessThanOrEqual(34)
    expect(JSON.parse(lines.at(-1)!).seq).toBe(result.events.at(-1)!.seq)
  })
})
