import { checkpointOf } from '../core/checkpoint.ts'
import type { Event } from '../core/events.ts'
import { foldInto } from '../core/fold.ts'
import type { LogStore } from '../log/store.ts'
import { nextDue } from '../log/writing/checkpointer.ts'
import { inPages } from '../log/pages.ts'
import { type LogState, stateAt } from './state-at.ts'

/**
 * Stores the checkpoints of a log that came without them, where a server would have: after each start, which the next
 * process may have gone on from, and every so many events. None are stored behind a gap. O(events).
 * `progress` is told the `seq` of each event.
 */
export function putCheckpoints(log: LogStore, progress: (seq: number) => void = () => {}): void {
  const { seq: first } = log.first()
  let state: LogState | null = null
  let expected = first
  let dueAt = 0
  for (const event of inPages(log, first)) {
    if (event.seq !== expected++) return
    state = after(log, state, event)
    if (state !== null && (event.type === 'process.started' || event.seq >= dueAt)) dueAt = put(log, state)
    progress(event.seq)
  }
}

/** The state after an event, from that before it; null where it cannot be told. */
function after(log: LogStore, state: LogState | null, event: Event): LogState | null {
  if (event.type === 'process.started' && event.data.config_hash !== state?.configHash)
    // The version that does not say what a process starts from stored no checkpoints.
    return event.data.recovered_at === null ? null : toldAt(log, event.seq)
  if (state === null) return null
  foldInto(state.fold, event)
  return Object.assign(state, { seq: event.seq, at: event.at })
}

/** Null, too, for a configuration that no version has written: that is for a verification to say. */
function toldAt(log: LogStore, seq: number): LogState | null {
  try {
    return stateAt(log, seq)
  } catch {
    return null
  }
}

/** Stores a checkpoint, and gives the event at which the next one is due. */
function put(log: LogStore, { seq, at, configHash, config, fold }: LogState): number {
  const state = JSON.stringify(checkpointOf(fold, at))
  log.checkpoint({ seq, at, configHash, config, state })
  return nextDue(seq, state)
}
