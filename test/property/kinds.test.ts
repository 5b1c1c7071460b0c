import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HeaderTruth } from '../../src/sim/headers.ts'
import type { Counting } from '../../src/sim/meter.ts'
import { play, type Talk, type Told } from '../support/kind-client.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 120)

type Kind = 'fixed' | 'anchored' | 'sliding' | 'bucket'

/** Clients from sparse to greedy, in windows from seconds to a minute; the longest calls take as long as a short window. */
const talks = (kind: Kind, headers: fc.Arbitrary<HeaderTruth>): fc.Arbitrary<Talk> =>
  fc
    .record({
      amount: fc.integer({ min: 3, max: 60 }),
      perMs: fc.constantFrom(2_000, 6_000, 10_000, 60_000),
      phase: fc.double({ min: 0, max: 0.999, noNaN: true }),
      headers,
      every: fc.oneof(fc.constantFrom(0.1, 0.5, 1, 2), fc.double({ min: 0.05, max: 1.5, noNaN: true })),
      greed: fc.double({ min: 0.05, max: 1.2, noNaN: true }),
      callMs: fc.constantFrom(0, 100, 2_000),
      early: fc.boolean(),
      windows: fc.constant(25),
      seed: fc.nat(),
    })
    .map(({ phase, every, greed, ...rest }) => {
      const { amount, perMs } = rest
      const counting: Record<Kind, Counting> = {
        fixed: { kind, phaseMs: Math.floor(phase * perMs) } as Counting,
        anchored: { kind: 'anchored' },
        sliding: { kind: 'sliding' },
        bucket: { kind: 'bucket', capacity: amount },
      }
      const everyMs = Math.ceil(every * perMs)
      return {
        ...rest,
        counting: counting[kind],
        everyMs,
        count: Math.max(1, Math.ceil(greed * every * amount)),
      }
    })

const honest = fc.constant<HeaderTruth>({ kind: 'honest' })
const wrong = fc.oneof(
  fc.integer({ min: 100, max: 5_000 }).map((byMs): HeaderTruth => ({ kind: 'stale', byMs })),
  fc.integer({ min: 5, max: 3_000 }).map((byMs): HeaderTruth => ({ kind: 'jittered', byMs })),
  fc.integer({ min: 100, max: 3_000 }).map((permille): HeaderTruth => ({ kind: 'scaled', permille })),
)
const KINDS: readonly Kind[] = ['fixed', 'anchored', 'sliding', 'bucket']

describe('whatever headers teach of how a limit is counted', () => {
  test.each(KINDS)(
    'nothing is refused if they are honest, nor is another kind learned: %s',
    { timeout: 600_000 },
    (kind) => {
      let learned = 0
      const check = (talk: Talk) => {
        const { refused, lessons } = play(talk)
        expect(refused).toBe(0)
        const windows = lessons.flatMap(({ cause, in_force: now }) =>
          cause === 'window_header' ? [now!.window] : [],
        )
        learned += windows.length
        expect(windows.filter((window) => window !== kind)).toEqual([])
      }
      fc.assert(fc.property(talks(kind, honest), check), { numRuns })
      if (kind === 'fixed' || kind === 'bucket') expect(learned).toBeGreaterThan(numRuns / 20)
    },
  )

  test.each(KINDS)(
    'nothing is refused if they are stale, off or scaled: %s',
    { timeout: 600_000 },
    (kind) => {
      const check = (talk: Talk) => {
        expect(play(talk).refused).toBe(0)
      }
      fc.assert(fc.property(talks(kind, wrong), check), { numRuns })
    },
  )
})

describe('a limit that is declared for another time than headers are about', () => {
  /** The limit of a second kind of window, as a configuration would have it that takes it for one per minute or hour. */
  const misdeclared = (kind: Kind, headers: fc.Arbitrary<HeaderTruth>) =>
    fc
      .record({
        talk: talks(kind, headers),
        declaredMs: fc.constantFrom(10_000, 60_000, 3_600_000),
        half: fc.boolean(),
      })
      .map(({ talk, declaredMs, half }): Talk => {
        const amount = Math.max(1, Math.floor((talk.amount * declaredMs) / talk.perMs / (half ? 2 : 1)))
        return { ...talk, windows: 60, periodless: true, declared: { amount, perMs: declaredMs } }
      })

  test.each(KINDS)(
    'costs no more refusals than if nothing of it was learned: %s',
    { timeout: 600_000 },
    (kind) => {
      const all = fc.sample(misdeclared(kind, fc.oneof(honest, wrong)), { seed: 1, numRuns: 150 })
      const sum = (told: readonly Told[], of: (one: Told) => number) =>
        told.reduce((total, one) => total + of(one), 0)
      const [learning, deaf] = [false, true].map((isDeaf) =>
        all.map((talk) => play({ ...talk, deaf: isDeaf })),
      )
      expect(sum(learning!, ({ refused }) => refused)).toBeLessThanOrEqual(
        sum(deaf!, ({ refused }) => refused),
      )
      const letIn = ({ sent, refused }: Told) => sent - refused
      expect(sum(learning!, letIn)).toBeGreaterThanOrEqual(sum(deaf!, letIn))
      if (kind === 'bucket') expect(sum(learning!, letIn)).toBeGreaterThan(1.02 * sum(deaf!, letIn))
    },
  )
})
