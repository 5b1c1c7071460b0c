import { type Fate, play, slackOf } from './run.ts'
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
  /** In time of those that come again as they were told, where all do. */
  readonly kept: Share
  /** Told a wait after which the request is in time, and much before which it is not, where all heed it; of a sample. */
  readonly rightRetry: Share
  /** The same where that request alone heeds it and no other ever comes again. */
  readonly rightAlone: Share
  /** As `met`, where all come again as they were told. */
  readonly metHeeded: Share
}

export type Share = readonly [part: number, all: number]

/** One in so many refused requests is let in alone, comes again among all others, or comes again alone. */
export interface Effort {
  readonly letInOneIn: number
  readonly againOneIn: number
  readonly againAloneOneIn: number
}

export function measureTrace(trace: Trace, { letInOneIn, againOneIn, againAloneOneIn }: Effort): Figures {
  const fates = play(trace, { earlyRefusal: 'on' })
  const anyway = new Map(play(trace, { earlyRefusal: 'off' }).map((fate) => [fate.arrival.id, fate]))
  const heeded = play(trace, { earlyRefusal: 'on', isHeeded: true })
  const refused = fates.filter(isRefused)
  const again = new Map(heeded.filter(({ nth }) => nth === 1).map((fate) => [fate.arrival.id, fate]))
  const refusedOfAll = heeded.filter((fate) => fate.nth === 0 && isRefused(fate))
  return {
    name: trace.name,
    requests: fates.length,
    missedAnyway: share(refused, ({ arrival }) => !isInTime(anyway.get(arrival.id)!)),
    missedAlone: share(sample(refused, letInOneIn), (fate) => !isInTime(letIn(trace, fate, 0))),
    met: share(fates.filter(isToldInTime), isInTime),
    metAtRisk: share(fates.filter(isToldLate), isInTime),
    kept: share([...again.values()], isInTime),
    rightRetry: share(
      sample(refusedOfAll, againOneIn),
      (fate) => isInTime(again.get(fate.arrival.id)!) && isLateBefore(trace, fate, true),
    ),
    rightAlone: share(
      sample(refused, againAloneOneIn),
      (fate) =>
        isInTime(letIn(trace, fate, fate.retryAfterMs! + slackOf(fate.retryAfterMs!))) &&
        isLateBefore(trace, fate, false),
    ),
    metHeeded: share(heeded.filter(isToldInTime), isInTime),
  }
}

/** Whether the wait that a request was told is no longer than it has to be: much before, it would be late. */
function isLateBefore(trace: Trace, fate: Fate, isHeeded: boolean): boolean {
  const told = fate.retryAfterMs!
  const slack = slackOf(told)
  return told <= slack || !isInTime(letIn(trace, fate, told - slack, isHeeded))
}

function letIn(trace: Trace, { arrival: { id } }: Fate, delayMs: number, isHeeded = false): Fate {
  const fates = play(trace, { earlyRefusal: 'on', guest: { id, delayMs }, isHeeded })
  return fates.find(({ arrival, nth }) => arrival.id === id && nth === (delayMs > 0 ? 1 : 0))!
}

const isRefused = ({ retryAfterMs }: Fate) => retryAfterMs !== null
/** No start is later than its deadline. */
const isInTime = ({ startMs }: Fate) => startMs !== null
const isToldLate = (fate: Fate) =>
  !isRefused(fate) && fate.expectedMs !== null && fate.expectedMs > fate.atMs + fate.arrival.maxWaitMs
const isToldInTime = (fate: Fate) => !isRefused(fate) && !isToldLate(fate)

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
    kept: add((one) => one.kept),
    rightRetry: add((one) => one.rightRetry),
    rightAlone: add((one) => one.rightAlone),
    metHeeded: add((one) => one.metHeeded),
  }
}
