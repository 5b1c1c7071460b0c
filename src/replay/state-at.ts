import type { Deciding } from '../config/policy.ts'
import { memoryMs } from '../config/start.ts'
import { restore } from '../core/checkpoint.ts'
import type { EventOf } from '../core/events.ts'
import { createFold, type Fold, foldInto } from '../core/fold.ts'
import { firstSince } from '../log/pages.ts'
import type { LogReader, StoredCheckpoint } from '../log/store.ts'

/** What a log tells of the state right after one of its events. */
export interface LogState {
  /** The event after which it is so. */
  seq: number
  at: number
  /** LLMs with their ledgers, requests that had not ended, hours; the caller's own, to be looked at or folded on. */
  readonly fold: Fold
  readonly configHash: string
  /** The configuration of the process that was running, in full form. */
  readonly config: Deciding
}

type Start = EventOf<'process.started'>

/**
 * The state right after the event `seq`, or after the last event where the log has none so high: from the last
 * checkpoint before it on, else from as far back as the process that was running had looked itself. Null where the log
 * does not reach back far enough, or has no process before it. O(events since the checkpoint).
 *
 * @param earlier a state of the same log from which it is folded on, where no checkpoint is nearer; it is used up
 */
export function stateAt(log: LogReader, seq: number, earlier: LogState | null = null): LogState | null {
  let state = nearest(log, seq, earlier) ?? fromStart(log, log.latest('process.started', seq))
  while (state !== null) {
    const start = foldUntil(log, state, seq)
    if (start === null) return state
    state = fromStart(log, start)
  }
  return null
}

/**
 * The fold of all events before `seq`, at which a process starts: from the last checkpoint of its configuration on, if
 * that is not from before what its windows can see while another one ran since; else from there on.
 */
export function foldBefore(log: LogReader, started: Start['data'], seq: number): Fold {
  const { llms: specs } = started.config as Deciding
  const since = started.recovered_at! - memoryMs(specs)
  const known = checkpointBefore(log, started.config_hash, since, seq)
  const fold = known === null ? createFold(specs) : restore(known.state, specs)
  for (const event of known === null ? log.read(since) : log.readFrom(known.seq + 1)) {
    if (event.seq >= seq) break
    foldInto(fold, event)
  }
  return fold
}

/** Whether the log still has all that a process, which starts at `seq`, has looked at of it. */
export function holdsPast(log: LogReader, started: Start['data'], seq: number): boolean {
  const since = started.recovered_at! - memoryMs((started.config as Deciding).llms)
  const first = log.first()
  if (first.seq <= 1 || first.at < since) return true
  return checkpointBefore(log, started.config_hash, since, seq) !== null
}

function checkpointBefore(
  log: LogReader,
  configHash: string,
  since: number,
  seq: number,
): StoredCheckpoint | null {
  const last = log.lastCheckpoint(seq - 1)
  if (last === null || last.configHash === configHash) return last
  const own = log.lastCheckpoint(seq - 1, configHash)
  return own !== null && own.at >= since ? own : null
}

/** The last event at an instant (ms since 1970) or before it; 0 where the log begins later. */
export function seqAt(log: LogReader, at: number): number {
  const next = firstSince(log, at + 1)
  return next === null ? log.last().seq : next.seq - 1
}

function nearest(log: LogReader, seq: number, earlier: LogState | null): LogState | null {
  const checkpoint = log.lastCheckpoint(seq)
  if (earlier !== null && earlier.seq >= (checkpoint?.seq ?? 0)) return earlier
  if (checkpoint === null) return null
  const config = checkpoint.config as Deciding
  return { ...checkpoint, config, fold: restore(checkpoint.state, config.llms) }
}

/** The state right after a process started. */
function fromStart(log: LogReader, start: Start | null): LogState | null {
  if (start === null) return null
  const { seq, at } = start
  // A start of version 1 does not say when it looked: just before.
  const data = { ...start.data, recovered_at: start.data.recovered_at ?? at }
  const config = data.config as Deciding | null
  if (config === null) return null
  if (!holdsPast(log, data, seq)) return null
  const fold = foldBefore(log, data, seq)
  foldInto(fold, start)
  return { seq, at, fold, configHash: data.config_hash, config }
}

/** Folds on up to an event; stops at the start of a process of another configuration, and gives that. */
function foldUntil(log: LogReader, state: LogState, until: number): Start | null {
  for (const event of log.readFrom(state.seq + 1)) {
    if (event.seq > until) break
    if (event.type === 'process.started' && event.data.config_hash !== state.configHash) return event
    foldInto(state.fold, event)
    state.seq = event.seq
    state.at = event.at
  }
  return null
}
