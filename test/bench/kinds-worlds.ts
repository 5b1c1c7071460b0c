import type { LimitLesson } from '../../src/core/events.ts'
import { createRandom } from '../../src/core/random.ts'
import type { Limit } from '../../src/core/types.ts'
import { arrivalsOf } from '../../src/sim/arrivals.ts'
import { START } from '../../src/sim/clock.ts'
import { always } from '../../src/sim/draw.ts'
import type { HeaderTruth } from '../../src/sim/headers.ts'
import type { Counting } from '../../src/sim/meter.ts'
import { runWorld } from '../../src/sim/run.ts'
import { declared } from '../../src/sim/truth.ts'
import { provider, source, specOf, truth } from '../sim/support.ts'
import { policyOf } from '../support/world.ts'

/** A world in which nothing is said of how a provider counts, but what its headers show. */
export interface KindCase {
  readonly amount: number
  readonly perMs: number
  readonly counting: Counting
  readonly headers: HeaderTruth
  /** What is declared, where that is not the truth. */
  readonly declared?: Partial<Limit>
  /** Whether headers name the length of the window. */
  readonly periods?: boolean
  /** Requests that come, in thousandths of what the limit takes. */
  readonly loadPermille: number
  readonly windows: number
}

/** What was sent and refused in each window, and all that was learned. */
export interface KindCourse {
  readonly sent: number[]
  readonly refused: number[]
  readonly lessons: { readonly window: number; readonly answers: number; readonly lesson: LimitLesson }[]
}

/** Plays a case: calls take 20 to 220 ms to travel and answer after 300 ms on average; requests wait for up to two windows. */
export function kindCourseOf(one: KindCase, seed: number): KindCourse {
  const { amount, perMs, counting, headers, periods = true, loadPermille, windows } = one
  const real = provider('A', {
    limits: [truth({ name: 'requests_limit', amount, perMs, counting, promised: false })],
    network: { leastMs: 10, jitterMs: 100 },
    latencyMs: { least: 100, mean: 300, most: 2000 },
    tokensPerSecond: 1000,
    headers,
    periods,
  })
  const limit: Limit = {
    ...declared({ ...real.limits[0]!, counting: { kind: 'sliding' } }),
    assumed: true,
    ...one.declared,
  }
  const perHour = Math.floor((amount * loadPermille * 3_600) / perMs)
  const arrivals = source({
    pattern: { kind: 'random', perHour },
    inputTokens: always(10),
    answerTokens: always(10),
    maxWaitMs: 2 * perMs,
  })
  const course: KindCourse = { sent: [], refused: [], lessons: [] }
  let answers = 0
  const windowOf = (at: number) => Math.floor((at - START) / perMs)
  const count = (counts: number[], at: number) => {
    counts[windowOf(at)] = (counts[windowOf(at)] ?? 0) + 1
  }
  runWorld({
    seed,
    policy: policyOf([specOf(real, { limits: [limit] })], { maxRequests: 3000 }),
    providers: [real],
    arrivals: arrivalsOf([arrivals], createRandom(seed, 'arrivals'), START, START + windows * perMs),
    observers: [
      {
        event({ type, at, data }) {
          if (type === 'attempt.finished') answers++
          if (type === 'request.dispatched') count(course.sent, at)
          if (type === 'attempt.failed' && data.status === 429) count(course.refused, at)
          if (type === 'llm.limit_learned')
            course.lessons.push({ window: windowOf(at), answers, lesson: data })
        },
      },
    ],
  })
  return course
}
