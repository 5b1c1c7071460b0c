import type { LimitLesson } from '../../src/core/events.ts'
import { createRandom } from '../../src/core/random.ts'
import type { Unit } from '../../src/core/types.ts'
import { arrivalsOf, type Source } from '../../src/sim/arrivals.ts'
import { START } from '../../src/sim/clock.ts'
import { always } from '../../src/sim/draw.ts'
import type { HeaderTruth } from '../../src/sim/headers.ts'
import type { Counting } from '../../src/sim/meter.ts'
import type { TrueLimit } from '../../src/sim/quota.ts'
import { runWorld } from '../../src/sim/run.ts'
import type { Tenant } from '../../src/sim/tenant.ts'
import { provider, source, specOf, truth } from '../sim/support.ts'
import { policyOf } from '../support/world.ts'

/** Worlds in which a provider keeps other limits than it is declared to. One window is a minute. */
export const WINDOW_MS = 60_000

export interface WorldCase {
  readonly unit?: Unit
  /** What is declared for a minute. */
  readonly declared: number
  /** What is true, window by window from `fromWindow` on. */
  readonly truths: readonly { readonly fromWindow: number; readonly amount: number }[]
  readonly counting: Counting
  readonly headers?: HeaderTruth
  readonly tenant?: Tenant
  /** Requests that come, in thousandths of what the declared limit takes. */
  readonly loadPermille: number
  readonly windows: number
  /** Of the prompt, and as many of the answer. */
  readonly tokens?: number
}

/** What was sent and refused in each window, and all that was learned. */
export interface Course {
  readonly sent: number[]
  readonly refused: number[]
  readonly lessons: { readonly window: number; readonly lesson: LimitLesson }[]
}

/** Plays a case: calls take 20 to 220 ms to travel and answer after 300 ms on average; requests wait for up to 20 s. */
export function courseOf(one: WorldCase, seed: number): Course {
  const { unit = 'requests', declared, counting, truths, windows, loadPermille, tokens = 10 } = one
  const limit = (amount: number): TrueLimit =>
    truth({ unit, name: `${unit}_per_min`, amount, perMs: WINDOW_MS, counting, promised: false })
  const real = provider('A', {
    limits: [limit(truths[0]!.amount)],
    network: { leastMs: 10, jitterMs: 100 },
    latencyMs: { least: 100, mean: 300, most: 2000 },
    tokensPerSecond: 1000,
    headers: one.headers ?? { kind: 'missing' },
    changes: truths
      .slice(1)
      .map(({ fromWindow, amount }) => ({ atMs: fromWindow * WINDOW_MS, limits: [limit(amount)] })),
    tenant: one.tenant ?? null,
  })
  const believed = provider('A', { limits: [{ ...limit(declared), counting: plain(counting) }] })
  const perHour = Math.floor(((declared * loadPermille) / 1000 / (unit === 'requests' ? 1 : 2 * tokens)) * 60)
  const arrivals: Source = source({
    pattern: { kind: 'random', perHour },
    inputTokens: always(tokens),
    answerTokens: always(tokens),
    maxWaitMs: 20_000,
  })
  const course: Course = { sent: [], refused: [], lessons: [] }
  const count = (counts: number[], at: number) => {
    const window = Math.floor((at - START) / WINDOW_MS)
    counts[window] = (counts[window] ?? 0) + 1
  }
  runWorld({
    seed,
    policy: policyOf([specOf(believed)], { maxRequests: 1000 }),
    providers: [real],
    arrivals: arrivalsOf([arrivals], createRandom(seed, 'arrivals'), START, START + windows * WINDOW_MS),
    observers: [
      {
        event(event) {
          if (event.type === 'request.dispatched') count(course.sent, event.at)
          if (event.type === 'attempt.failed' && event.data.status === 429) count(course.refused, event.at)
          if (event.type !== 'llm.limit_learned') return
          const window = Math.floor((event.at - START) / WINDOW_MS)
          course.lessons.push({ window, lesson: event.data })
        },
      },
    ],
  })
  return course
}

/** Slices are what nobody declares. */
function plain(counting: Counting): Counting {
  return counting.kind === 'quantised' ? { kind: 'sliding' } : counting
}
