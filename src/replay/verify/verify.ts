import { isInput } from '../../core/event-versions.ts'
import type { Event } from '../../core/events.ts'
import type { LogReader } from '../../log/store.ts'
import { begin } from './begin.ts'
import { compare, type Difference, type DifferenceKind, unrecorded } from './difference.ts'
import type { Execution } from './execution.ts'
import { inPages } from '../../log/pages.ts'

/** A run of events that could not be executed again, and why. */
export interface Unverified {
  /** `seq` of the first and the last. */
  readonly from: number
  to: number
  readonly because: string
}

/** What came of a verification. */
export interface Verification {
  /** Events that are as they have to be; facts and decisions together. */
  events: number
  decisions: number
  processes: number
  readonly unverified: Unverified[]
  difference: Difference | null
}

/** How far a verification has come. */
interface Walk {
  readonly log: LogReader
  readonly result: Verification
  last: Event | null
  /** The process that events belong to; null where it cannot be executed. */
  execution: Execution | null
  /** Why it cannot. */
  because: string
}

const START_IS_GONE = 'the log does not hold the start of this process any more'

/**
 * Executes every decision of a log again, from its facts alone, and stops at the first event that is not what comes
 * out. Where events were lost to a disk, which the log says itself, it goes on with the next process. Memory is
 * bounded, however long the log: a page of events, and what is under way at a time.
 * `progress` is told the `seq` of each event that was looked at.
 */
export function verify(log: LogReader, progress?: (seq: number) => void): Verification {
  const result: Verification = { events: 0, decisions: 0, processes: 0, unverified: [], difference: null }
  const walk: Walk = { log, result, last: null, execution: null, because: START_IS_GONE }
  for (const event of inPages(log, 0)) {
    result.difference = step(walk, event)
    if (result.difference !== null) return result
    walk.last = event
    progress?.(event.seq)
  }
  result.difference = walk.execution && unrecorded(walk.execution, null)
  return result
}

function step(walk: Walk, event: Event): Difference | null {
  const outOfPlace = walk.last && placeOf(event, walk.last)
  if (outOfPlace !== null) {
    const lost = event.seq - walk.last!.seq - 1
    if (!isTold(walk.log, event.seq, lost)) return outOfPlace
    walk.execution = null
    walk.because = 'the log could not be written before, and what was lost may be behind them'
  }
  if (event.type === 'process.started') {
    const left = walk.execution && unrecorded(walk.execution, event)
    if (left !== null) return left
    const begun = begin(walk.log, event)
    if ('difference' in begun) return begun.difference
    walk.execution = 'execution' in begun ? begun.execution : null
    if ('because' in begun) walk.because = begun.because
    else walk.result.processes++
  }
  return look(walk, event)
}

/** Whether the process says itself that a disk did not take as many events as are missing before `seq`. */
function isTold(log: LogReader, seq: number, lost: number): boolean {
  if (lost <= 0) return false
  const [resumed] = log.readOf('log.resumed', seq)
  const [next] = log.readOf('process.started', seq)
  return (
    resumed !== undefined &&
    resumed.data.dropped >= lost &&
    (next?.seq ?? Number.POSITIVE_INFINITY) > resumed.seq
  )
}

function look({ execution, result, because }: Walk, event: Event): Difference | null {
  if (execution === null) {
    skip(result.unverified, event.seq, because)
    return null
  }
  const difference = compare(execution, event)
  if (difference !== null) return difference
  result.events++
  if (!isInput(event)) result.decisions++
  return null
}

function skip(unverified: Unverified[], seq: number, because: string): void {
  const last = unverified.at(-1)
  if (last?.because === because && last.to === seq - 1) last.to = seq
  else unverified.push({ from: seq, to: seq, because })
}

/** What is wrong with the place of an event behind the one before; null where nothing is. */
function placeOf(event: Event, last: Event): Difference | null {
  const { seq } = event
  const wrong = (kind: DifferenceKind, message: string) => ({
    seq,
    kind,
    message,
    recorded: event,
    executed: null,
  })
  if (seq > last.seq + 2) return wrong('gap', `events ${last.seq + 1} to ${seq - 1} are missing before it`)
  if (seq > last.seq + 1) return wrong('gap', `event ${last.seq + 1} is missing before it`)
  if (seq <= last.seq) return wrong('gap', `it comes after event ${last.seq}`)
  if (event.at < last.at) return wrong('time', `the time goes back by ${last.at - event.at} ms`)
  return null
}
