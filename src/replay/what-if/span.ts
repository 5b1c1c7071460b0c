import { memoryMs, type Started } from '../../config/start.ts'
import type { LogReader, Position } from '../../log/store.ts'
import { firstSince, inPages } from '../../log/pages.ts'
import type { Recording } from './recorded.ts'
import { isSamePolicy, type Written } from './translate.ts'

/** Requests count that came at `from` or later and before `to`, in ms since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Where the other world begins, and with what. */
export interface Plan extends Position {
  /** What the process said of itself that was running then; null where a process starts there. */
  readonly within: Started | null
  /** The configuration that was recorded last before it, or the first one there is. */
  readonly recorded: Written
  /** The same for the oldest event that the limits of the other configuration can see. */
  readonly oldest: Written
}

/**
 * Begins at the start of a process wherever both worlds can be the same from there on: where the span begins with one,
 * or in one that decided by the policy of the other configuration. Else at the beginning of the span. A text says why
 * there is nothing to begin with.
 */
export function planOf(log: LogReader, config: Written, span: Span): Plan | string {
  const first = beginningOf(log, span)
  if (first === null) return 'The event log has no events in this span.'
  const starts = [...log.readOf('process.started', log.first().seq)].filter(
    ({ data }) => data.config !== null,
  )
  const before = starts.findLast(({ seq }) => seq <= first.seq)
  const oldest = starts.findLast(({ at }) => at < first.at - memoryMs(config.llms)) ?? starts[0]
  const plan = (place: Position, started: Started, within: boolean): Plan => {
    const recorded = started.config as Written
    const past = (oldest?.data.config as Written | undefined) ?? recorded
    return { seq: place.seq, at: place.at, within: within ? started : null, recorded, oldest: past }
  }
  if (before !== undefined) {
    if (before.seq === first.seq) return plan(before, before.data, false)
    const isSame = isSamePolicy(before.data.config as Written, config)
    return isSame ? plan(before, before.data, false) : plan(first, before.data, true)
  }
  const running = runningAt(log, first.seq)
  if (running !== null) return plan(first, running, true)
  const next = starts.find(({ at }) => at < span.to)
  if (next !== undefined) return plan(next, next.data, false)
  return 'The event log does not hold the start of any process up to the end of this span.'
}

/** What a checkpoint knows of the process that was running, whose start the log does not hold any more. */
function runningAt(log: LogReader, seq: number): Started | null {
  const checkpoint = log.lastCheckpoint(seq)
  if (checkpoint === null) return null
  const { configHash, config, at, state } = checkpoint
  const disabled = state.llms.flatMap(({ name, standing }) =>
    standing?.status === 'disabled' ? [{ llm: name, because: standing.because ?? '' }] : [],
  )
  const identity = { version: '', runtime: '', seed: 0, config_hash: configHash, config }
  return { ...identity, recovered_at: at, disabled }
}

/** The first event of the span; null where there is none. */
function beginningOf(log: LogReader, { from, to }: Span): Position | null {
  const first = firstSince(log, from)
  return first !== null && first.at < to ? { seq: first.seq, at: Math.max(first.at, from) } : null
}

/** Events between two reports of progress. */
export const EVENTS_PER_REPORT = 1000

/** Told now and then how many of how many events were looked at. */
export type Progress = (done: number, total: number) => void

/**
 * Reads what the log knows of its requests, from `seq` on until all that count have ended; gives the last event up to
 * which it read. What came after the span is part of the world for as long as they have not.
 */
export function recordInto(
  recording: Recording,
  log: LogReader,
  seq: number,
  { from, to }: Span,
  progress: Progress,
): number {
  const open = new Set<string>()
  const total = 2 * (log.last().seq - seq)
  let last = seq
  for (const event of inPages(log, seq)) {
    if (event.at >= to && open.size === 0) break
    recording.take(event)
    last = event.seq
    if (last % EVENTS_PER_REPORT === 0) progress(last - seq, total)
    if (event.request === null) continue
    if (event.type === 'request.received' && event.at >= from && event.at < to) open.add(event.request)
    else if (recording.requests.get(event.request)?.ended) open.delete(event.request)
  }
  return last
}
