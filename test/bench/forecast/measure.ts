import { type Fate, play } from './run.ts'
import type { Trace } from './traces.ts'

/** What became of the requests of some traces. Of a pair of counts the first is part of the second. */
export interface Figures {
  readonly name: string
  readonly requests: number
  /** Refused early that miss their deadline in the same trace when nothing is refused early; of those refused. */
  readonly missedAnyway: Share
  /** The same when that request alone is let in, of a sample. */
  readonly missedAlone: Share
  /** Started in time, of those that were let in and told so. */
  readonly met: Share
  /** Started in time all the same, of those that were let in and told that they would be late. */
  readonly metAtRisk: Share
  /** Told a wait after which the request is in time, and much before which it is not; of a sample. */
  readonly rightRetry: Share
}

export type Share = readonly [part: number, all: number]

export interface Effort {
  /** One in so many refused requests is let in alone, and one in so many is sent again. */
  readonly aloneOneIn: number
  readonly againOneIn: number
}

export function measureTrace(trace: Trace, { aloneOneIn, againOneIn }: Effort): Figures {
  const fates = play(trace, 'on')
  const anyway = new Map(play(trace, 'off').map((fate) => [fate.arrival.id, fate]))
  const refused = fates.filter(isRefused)
  const letIn = fates.filter((fate) => !isRefused(fate))
  const atRisk = letIn.filter(isToldLate)
  return {
    name: trace.name,
    requests: fates.length,
    missedAnyway: share(refused, ({ arrival }) => !isInTime(anyway.get(arrival.id)!)),
    missedAlone: share(sample(refused, aloneOneIn), (fate) => !isInTime(playAgain(trace, fate, 0))),
    met: share(
      letIn.filter((fate) => !isToldLate(fate)),
      isInTime,
    ),
    metAtRisk: share(atRisk, isInTime),
    rightRetry: share(sample(refused, againOneIn), (fate) => isRight(trace, fate)),
  }
}

/** How far off a wait may be: a fifth, or a second, which is what `retry-after` counts in. */
function isRight(trace: Trace, fate: Fate): boolean {
  const told = fate.retryAfterMs!
  const slack = Math.max(Math.ceil(told / 5), 1000)
  if (!isInTime(playAgain(trace, fate, told + slack))) return false
  return told <= slack || !isInTime(playAgain(trace, fate, told - slack))
}

function playAgain(trace: Trace, { arrival: { id } }: Fate, delayMs: number): Fate {
  return play(trace, 'on', { id, delayMs }).find(({ arrival }) => arrival.id === id)!
}

const isRefused = ({ retryAfterMs }: Fate) => retryAfterMs !== null
/** No start is later than its deadline. */
const isInTime = ({ startMs }: Fate) => startMs !== null
const isToldLate = ({ expectedMs, atMs, arrival }: Fate) =>
  expectedMs !== null && expectedMs > atMs + arrival.maxWaitMs

function share(fates: readonly Fate[], test: (fate: Fate) => boolean): Share {
  return [fates.filter(test).length, fates.length]
}

/** One in so many, each as likely as the others. */
function sample(fates: readonly Fate[], oneIn: number): Fate[] {
  return fates.filter(({ arrival }) => arrival.id % oneIn === 0)
}

/** Counts of several traces together. */
export function sumOf(name: string, figures: readonly Figures[]): Figures {
  const add = (of: (one: Figures) => Share): Share => [
    figures.reduce((sum, one) => sum + of(one)[0], 0),
    figures.reduce((sum, one) => sum + of(one)[1], 0),
  ]
  return {
    name,
    requests: figures.reduce((sum, one) => sum + one.requests, 0),
    missedAnyway: add((one) => one.missedAnyway),
    missedAlone: add((one) => one.missedAlone),
    met: add((one) => one.met),
    metAtRisk: add((one) => one.metAtRisk),
    rightRetry: add((one) => one.rightRetry),
  }
}
