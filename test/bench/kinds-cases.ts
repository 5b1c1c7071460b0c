import type { HeaderTruth } from '../../src/sim/headers.ts'
import type { Counting } from '../../src/sim/meter.ts'
import { type KindCase, type KindCourse, kindCourseOf } from './kinds-worlds.ts'
import type { Line } from './report.ts'

/** What headers teach of how a limit is counted that nobody described, and what that brings. */
const PHASE_MS = 3_456
const SECONDS: Pick<KindCase, 'amount' | 'perMs'> = { amount: 100, perMs: 10_000 }
const MINUTE: Pick<KindCase, 'amount' | 'perMs'> = { amount: 60, perMs: 60_000 }
const HONEST: HeaderTruth = { kind: 'honest' }
const FIXED: Counting = { kind: 'fixed', phaseMs: PHASE_MS }

/** How many windows are played, and with how many seeds. */
export interface KindEffort {
  readonly windows: number
  readonly seeds: number
}

/** A line for each case, of the worst of the seeds. */
export function kindLines({ windows, seeds }: KindEffort): Line[] {
  const play = (rest: Partial<KindCase>) => {
    const one: KindCase = {
      ...SECONDS,
      counting: FIXED,
      headers: HONEST,
      loadPermille: 2000,
      windows,
      ...rest,
    }
    return { one, courses: Array.from({ length: seeds }, (_, i) => kindCourseOf(one, i + 1)) }
  }
  const bucketOf = (amount: number): Counting => ({ kind: 'bucket', capacity: amount })
  const learnt = (what: string, rest: Partial<KindCase>): Line => {
    const before = play({ ...rest, headers: { kind: 'missing' } })
    return { what: `${what}, headers honest`, ...taught(play(rest), before) }
  }
  const wrongs: readonly [string, HeaderTruth][] = [
    ['stale by 3 s', { kind: 'stale', byMs: 3_000 }],
    ['off by 2 s', { kind: 'jittered', byMs: 2_000 }],
    ['half of the truth', { kind: 'scaled', permille: 500 }],
  ]
  const kinds: readonly [string, Counting][] = [
    ['fixed', FIXED],
    ['bucket', bucketOf(SECONDS.amount)],
    ['sliding', { kind: 'sliding' }],
    ['from the first call on', { kind: 'anchored' }],
  ]
  return [
    learnt('a bucket of 100 per 10 s', { counting: bucketOf(100) }),
    learnt('fixed windows of 100 per 10 s', {}),
    learnt('a bucket of 60 per min', { ...MINUTE, windows: 5 * windows, counting: bucketOf(60) }),
    learnt('fixed windows of 60 per min', { ...MINUTE, windows: 5 * windows }),
    learnt('100 per 10 s declared as fixed, phase unknown', {
      declared: { assumed: false, window: 'fixed' },
    }),
    { what: 'a bucket of 100 per 10 s, declared as 600 per min', ...sized(play(SIZED)) },
    ...kinds.slice(2).map(([name, counting]) => {
      return { what: `100 per 10 s, ${name}, headers honest`, ...untaught(play({ counting })) }
    }),
    ...wrongs.map(([name, headers]) => {
      const all = kinds.map(([, counting]) => play({ counting, headers }))
      return { what: `100 per 10 s in four ways, headers ${name}`, ...unharmed(all) }
    }),
    ...(['bucket', 'fixed'] as const).map((window) => {
      const headers: HeaderTruth = { kind: 'pretended', window }
      return {
        what: `sliding, headers always as of ${window}`,
        ...deceived(play({ counting: kinds[2]![1], headers })),
      }
    }),
  ]
}

const SIZED: Partial<KindCase> = {
  counting: { kind: 'bucket', capacity: SECONDS.amount },
  periods: false,
  declared: { amount: 600, perMs: 60_000 },
}

interface Played {
  readonly one: KindCase
  readonly courses: readonly KindCourse[]
}

type Verdict = Omit<Line, 'what'>

/** Learned soon, then all of the limit is used, and nothing refused. */
function taught({ one, courses }: Played, before: Played): Verdict {
  const answers = Math.max(...courses.map(answersOf))
  const windows = Math.max(...courses.map(windowsUntil))
  const rates = [before, { one, courses }].map(({ courses: some }) =>
    Math.min(...some.map((course) => rate(one, course))),
  )
  const refused = courses.reduce((sum, course) => sum + refusals(course), 0)
  return {
    value: `after ${answers} answers, in window ${windows}; ${percent(rates[0]!)} of the limit before, ${percent(rates[1]!)} after; ${refused} 429s`,
    target: 'within 20 windows, at least 99.5 % and what was before, 0',
    met: windows <= 20 && rates[1]! >= 0.995 && rates[1]! >= rates[0]! && refused === 0,
  }
}

/** The other length is learned, and what it allows is used. */
function sized({ one, courses }: Played): Verdict {
  const answers = Math.max(...courses.map(answersOf))
  const reached = Math.min(...courses.map((course) => rate(one, course)))
  const refused = courses.reduce((sum, course) => sum + refusals(course), 0)
  return {
    value: `after ${answers} answers; ${percent(reached)} of the limit, ${refused} 429s`,
    target: 'at least 95 %, 0',
    met: Number.isFinite(answers) && reached >= 0.95 && refused === 0,
  }
}

function untaught({ courses }: Played): Verdict {
  const lessons = courses.reduce((sum, course) => sum + kindsOf(course).length, 0)
  const refused = courses.reduce((sum, course) => sum + refusals(course), 0)
  return {
    value: `${lessons} kinds learned, ${refused} 429s`,
    target: '0, 0',
    met: lessons === 0 && refused === 0,
  }
}

function unharmed(all: readonly Played[]): Verdict {
  const refused = all.flatMap(({ courses }) => courses).reduce((sum, course) => sum + refusals(course), 0)
  return { value: `${refused} 429s`, target: '0', met: refused === 0 }
}

/** A lie that agrees with itself is found out by the first refusals, and believed no more. */
function deceived({ one, courses }: Played): Verdict {
  const most = Math.max(...courses.map(refusals))
  const times = Math.max(...courses.map((course) => kindsOf(course).length))
  const late = Math.max(
    ...courses.map(({ refused }) => refused.slice(one.windows / 2).reduce((sum, n) => sum + (n ?? 0), 0)),
  )
  return {
    value: `believed ${times} times, ${most} 429s in all, ${late} in the second half`,
    target: 'at most once, 5 % of a window, 0',
    met: times <= 1 && most <= one.amount / 20 && late === 0,
  }
}

const kindsOf = ({ lessons }: KindCourse) =>
  lessons.filter(({ lesson: { cause } }) => cause === 'window_header')

const answersOf = (course: KindCourse) => kindsOf(course)[0]?.answers ?? Number.POSITIVE_INFINITY

const windowsUntil = (course: KindCourse) => (kindsOf(course)[0]?.window ?? Number.POSITIVE_INFINITY) + 1

const refusals = ({ refused }: KindCourse) => refused.reduce((sum, count) => sum + (count ?? 0), 0)

/** What was let in per window, as a share of the limit, in the second half. */
function rate({ amount, windows }: KindCase, { sent, refused }: KindCourse): number {
  const from = Math.floor(windows / 2)
  let letIn = 0
  for (let window = from; window < windows; window++) letIn += (sent[window] ?? 0) - (refused[window] ?? 0)
  return letIn / (windows - from) / amount
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
