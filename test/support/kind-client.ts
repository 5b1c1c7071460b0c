import { blockOf, createAccount, fits, reserveAll, settleAll } from '../../src/core/limits/account.ts'
import type { LimitLesson, LimitReport } from '../../src/core/events.ts'
import { learnKinds, trustKinds } from '../../src/core/limits/learning/kinds.ts'
import { learnFromRefusal } from '../../src/core/limits/learning/refusals.ts'
import { learnFromReports } from '../../src/core/limits/learning/reports.ts'
import { createRandom } from '../../src/core/random.ts'
import { GUARD_MS, type Limit } from '../../src/core/types.ts'
import { createVirtualClock, START } from '../../src/sim/clock.ts'
import { createSpeaker, type HeaderTruth } from '../../src/sim/headers.ts'
import { type Counting, createMeter } from '../../src/sim/meter.ts'
import { limit } from './llms.ts'
import { failureOf } from './world.ts'

/** A client that wants `count` calls every so often, and a provider that counts for itself. */
export interface Talk {
  readonly amount: number
  readonly perMs: number
  readonly counting: Counting
  readonly headers: HeaderTruth
  readonly everyMs: number
  readonly count: number
  /** The longest that a call takes once it has arrived. */
  readonly callMs: number
  /** Whether headers are written when a call arrives, not when it ends. */
  readonly early: boolean
  readonly windows: number
  readonly seed: number
  readonly declared?: Partial<Limit>
  /** Whether headers do not name the length of the window. */
  readonly periodless?: boolean
  /** Whether nothing is learned of how the limit is counted. */
  readonly deaf?: boolean
}

export interface Told {
  readonly lessons: LimitLesson[]
  /** Answers until the first lesson on how the limit is counted; Infinity without one. */
  readonly answers: number
  refused: number
  sent: number
}

const COST = { inputTokens: 1, outputTokens: 0 }

/** Plays a talk: each call is sent at the first instant at which the account has room, and travels for up to the guard. */
export function play(talk: Talk): Told {
  const { amount, perMs, counting, everyMs, count, callMs, early, windows } = talk
  const clock = createVirtualClock(START)
  const random = createRandom(talk.seed)
  const meter = createMeter(amount, perMs, counting)
  const speaker = createSpeaker({ headers: talk.headers, periods: talk.periodless !== true })
  const account = createAccount([
    limit('requests', amount, perMs, 'the limit', { assumed: true, ...talk.declared }),
  ])
  const told = { lessons: [] as LimitLesson[], answers: Number.POSITIVE_INFINITY, refused: 0, sent: 0 }
  let [waiting, answers, timer] = [0, 0, null as unknown]

  const speak = (at: number) => speaker(() => [reportAt(at)], at)
  const reportAt = (at: number): LimitReport => {
    const remaining = Math.max(0, meter.left(at))
    return {
      unit: 'requests',
      per_ms: perMs,
      limit: amount,
      remaining,
      reset_ms: meter.fitsAt(amount, at) - at,
    }
  }
  const learn = (lessons: readonly LimitLesson[]) => {
    told.lessons.push(...lessons)
    if (lessons.some(({ cause }) => cause === 'window_header')) told.answers = Math.min(told.answers, answers)
  }
  const answered = (key: string, sentAt: number, limits: readonly LimitReport[] | null) => {
    const at = clock.now()
    settleAll(account, key, COST, true, at)
    if (limits === null)
      learn(learnFromRefusal(account, { failure: failureOf('rate_limited'), startedAt: sentAt, at }))
    else {
      answers++
      trustKinds(account, at)
      if (talk.deaf !== true) learn(learnKinds(account, { limits, sentAt, at }))
      learn(learnFromReports(account, limits, at))
    }
    pump()
  }
  const arrive = (key: string, sentAt: number) => {
    const at = clock.now()
    const back = () => random.integer(GUARD_MS)
    if (!meter.fits(1, at)) {
      told.refused++
      clock.setTimeout(() => answered(key, sentAt, null), back())
      return
    }
    meter.book(1, at)
    const limits = early ? speak(at) : null
    clock.setTimeout(
      () => {
        const said = limits ?? speak(clock.now())
        clock.setTimeout(() => answered(key, sentAt, said), back())
      },
      random.integer(callMs + 1),
    )
  }
  const pump = () => {
    const at = clock.now()
    for (; waiting > 0 && fits(account, COST, at); waiting--) {
      const key = `call ${told.sent++}`
      reserveAll(account, key, COST, at)
      clock.setTimeout(() => arrive(key, at), random.integer(GUARD_MS + 1))
    }
    clock.clearTimeout(timer)
    const until = waiting === 0 ? null : blockOf(account, COST, at)!.until
    if (until !== null && Number.isFinite(until)) timer = clock.setTimeout(pump, until - at)
  }
  for (let at = 0; at < windows * perMs; at += everyMs) {
    clock.setTimeout(() => {
      waiting = Math.min(waiting + count, 3 * amount)
      pump()
    }, at)
  }
  clock.runUntil(START + windows * perMs)
  return told
}
