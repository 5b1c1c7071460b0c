import { isOfWindow } from '../../src/core/events.ts'
import type { Counting } from '../../src/sim/meter.ts'
import type { Tenant } from '../../src/sim/tenant.ts'
import { type Course, courseOf, WINDOW_MS, type WorldCase } from './learning-worlds.ts'
import type { Line } from './report.ts'

/** The figures that learning has to reach, each with the worlds that show it. */
const PHASE_MS = 12_345
const SLIDING: Counting = { kind: 'sliding' }
/** Windows until a limit that was halved is doubled back. */
const BACK_AT = 30

/** How much a bench plays: windows after the learning, and worlds of each kind. */
export interface Effort {
  readonly windows: number
  readonly seeds: number
}

type Judge = (courses: readonly Course[]) => Omit<Line, 'what'>

interface Case {
  readonly what: string
  readonly world: WorldCase
  readonly judge: Judge
}

function casesOf(windows: number): Case[] {
  return [
    ...[10_000, 1_000].map((sliceMs): Case => {
      const counting: Counting = { kind: 'quantised', sliceMs, phaseMs: PHASE_MS }
      const what = `hidden limit: 600 per min kept as ${sliceMs / 100} per ${sliceMs / 1000} s`
      return { what, world: { ...honest(600), counting, loadPermille: 950, windows }, judge: hidden }
    }),
    wrong('requests, sliding', 600, SLIDING, windows),
    wrong('requests, fixed', 600, { kind: 'fixed', phaseMs: PHASE_MS }, windows),
    wrong('requests, bucket', 600, { kind: 'bucket', capacity: 600 }, windows),
    wrong('few requests', 60, SLIDING, windows),
    wrong('tokens', 12_000, SLIDING, windows, 'tokens'),
    ...(['honest', 'missing'] as const).map((kind): Case => {
      const world: WorldCase = { ...honest(600), headers: { kind }, tenant: THIRD, windows }
      return { what: `180 of 600 requests used by others, headers ${kind}`, world, judge: foreign }
    }),
    ...HONEST.map((counting): Case => {
      const what = `honest provider, ${counting.kind}`
      const world: WorldCase = { ...honest(600), counting, headers: { kind: 'honest' }, windows }
      return { what, world, judge: untaught }
    }),
  ]
}

function honest(declared: number): WorldCase {
  const truths = [{ fromWindow: 0, amount: declared }]
  return { declared, truths, counting: SLIDING, loadPermille: 1300, windows: 0 }
}

function wrong(
  name: string,
  declared: number,
  counting: Counting,
  windows: number,
  unit: 'requests' | 'tokens' = 'requests',
): Case {
  const truths = [
    { fromWindow: 0, amount: declared / 2 },
    { fromWindow: BACK_AT, amount: declared },
  ]
  const world = { ...honest(declared), unit, counting, truths, windows: BACK_AT + windows }
  const perWindow = unit === 'tokens' ? declared / 20 : declared
  return { what: `declared twice too high, then right: ${name}`, world, judge: misdeclared(perWindow) }
}

/** 180 calls a minute, at equal distances. */
const THIRD: Tenant = { everyMs: 333, tokens: 1, onMs: 1, offMs: 0, untilMs: Number.POSITIVE_INFINITY }

const HONEST: readonly Counting[] = [
  SLIDING,
  { kind: 'fixed', phaseMs: PHASE_MS },
  { kind: 'bucket', capacity: 600 },
  { kind: 'counter', phaseMs: PHASE_MS },
]

/** Learned within 3 windows of the first refusal; at most 0.5 % 429s after. */
const hidden: Judge = (courses) => {
  const learnedIn = most(courses, ({ refused, lessons }) => {
    const first = refused.findIndex((count) => count > 0)
    return (lessons.at(-1)?.window ?? Number.POSITIVE_INFINITY) - first + 1
  })
  const share = most(courses, (course) => refusedShare(course, 3))
  const value = `learned in ${learnedIn} windows, then ${percent(share)} 429s`
  return { value, target: 'at most 3, 0.5 %', met: learnedIn <= 3 && share <= 0.005 }
}

/** From the 5th window on at least 85 % of the true rate, 2 % 429s, and back within 20 windows. */
function misdeclared(declared: number): Judge {
  return (courses) => {
    const rate = least(courses, (course) => mean(course, 4, BACK_AT) / (declared / 2))
    const fifth = least(courses, (course) => mean(course, 4, 5) / (declared / 2))
    const share = most(courses, (course) => refusedShare(course, 0))
    const back = most(courses, (course) => backAfter(course, 0.85 * declared))
    const value = `${percent(fifth)} of the true rate in window 5, ${percent(rate)} from then on, ${percent(share)} 429s, back after ${back} windows`
    const met = fifth >= 0.85 && rate >= 0.85 && share <= 0.02 && back <= 20
    return { value, target: 'at least 85 %, at most 2 %, 20', met }
  }
}

/** At least 90 % of what others leave, and 1 % 429s. */
const foreign: Judge = (courses) => {
  const left = 600 - WINDOW_MS / THIRD.everyMs
  const rate = least(courses, (course) => mean(course, 0, course.sent.length - 2) / left)
  const share = most(courses, (course) => refusedShare(course, 0))
  const value = `${percent(rate)} of what is left, ${percent(share)} 429s`
  return { value, target: 'at least 90 %, at most 1 %', met: rate >= 0.9 && share <= 0.01 }
}

/** No lesson that lowers it, and no refusal to learn from; the phase of its windows may be learned. */
const untaught: Judge = (courses) => {
  const lessons = courses.flatMap((course) => course.lessons.map(({ lesson }) => lesson.cause))
  const lowering = lessons.filter((cause) => !isOfWindow(cause)).length
  const ofWindow = lessons.length - lowering
  const share = most(courses, (course) => refusedShare(course, 0))
  const phases = ofWindow === 0 ? '' : `, ${ofWindow} on the phase of its windows`
  return {
    value: `${lowering} lessons that lower it${phases}, ${percent(share)} 429s`,
    target: '0, 0 %',
    met: lowering === 0 && share === 0,
  }
}

/** Plays every case with several seeds; a line tells the worst of them. */
export function learningLines({ windows, seeds }: Effort): Line[] {
  return casesOf(windows).map(({ what, world, judge }) => ({
    what,
    ...judge(Array.from({ length: seeds }, (_, i) => courseOf(world, i + 1))),
  }))
}

function most(courses: readonly Course[], of: (course: Course) => number): number {
  return Math.max(...courses.map(of))
}

function least(courses: readonly Course[], of: (course: Course) => number): number {
  return Math.min(...courses.map(of))
}

function sum(counts: readonly number[], from: number, to = Number.POSITIVE_INFINITY): number {
  return counts.slice(from, to).reduce((total, count) => total + (count ?? 0), 0)
}

function refusedShare({ sent, refused }: Course, from: number): number {
  return sum(refused, from) / sum(sent, from)
}

/** Calls that were let in, for each window. */
function mean({ sent, refused }: Course, from: number, to: number): number {
  return (sum(sent, from, to) - sum(refused, from, to)) / (to - from)
}

/** Windows from the doubling until the rate is reached. */
function backAfter(course: Course, rate: number): number {
  for (let window = BACK_AT; window < course.sent.length; window++)
    if (mean(course, window, window + 1) >= rate) return window - BACK_AT + 1
  return Number.POSITIVE_INFINITY
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
