import { setImmediate } from 'node:timers'
import type { Event } from '../core/events.ts'
import type { LogStore, StoredCheckpoint } from './store.ts'

/** Events between two checkpoints, at least: folding so many takes a fraction of a second. */
const EVENTS_LEAST = 20_000
/** Of the bytes that events take, one in so many goes to checkpoints at most: a large state is stored more rarely. */
const SHARE = 25
/** About what an event takes in the log. */
const EVENT_BYTES = 100

export interface CheckpointerOptions extends Pick<StoredCheckpoint, 'configHash' | 'config'> {
  readonly store: Pick<LogStore, 'checkpoint'>
  /** The state as it is now, after the last event that was recorded, told as of its instant: pieces of JSON. */
  take(at: number): Iterator<string>
}

/** Stores the state every so many events. */
export interface Checkpointer {
  /** To be told of every event when it is recorded. */
  recorded(event: Event): void
  /** Stores the state at once; to be called when no fact is being taken in. */
  store(): void
}

/** A checkpoint is no more than a shortcut: one that cannot be stored is left out, and tried again as the next. */
export function createCheckpointer({ store, take, ...config }: CheckpointerOptions): Checkpointer {
  let last: Event | null = null
  let dueAt = Number.POSITIVE_INFINITY

  /** Begins a checkpoint; each call of what it gives does a piece of it, until one says that it is done. */
  function begin(): () => boolean {
    const { seq, at } = last!
    const pieces = take(at)
    let state = ''
    return () => {
      const piece = pieces.next()
      if (!piece.done) {
        state += piece.value
        return false
      }
      dueAt = seq + Math.max(EVENTS_LEAST, Math.ceil((state.length * SHARE) / EVENT_BYTES))
      put({ seq, at, ...config, state })
      return true
    }
  }
  function put(checkpoint: Parameters<LogStore['checkpoint']>[0]): void {
    try {
      store.checkpoint(checkpoint)
    } catch {
      // The journal reports a log that cannot be written.
    }
  }
  function piecemeal(next: () => boolean): void {
    if (!next()) setImmediate(piecemeal, next)
  }
  return {
    recorded(event) {
      last = event
      if (event.seq < dueAt) return
      dueAt = Number.POSITIVE_INFINITY
      setImmediate(() => piecemeal(begin()))
    },
    store() {
      if (last === null) return
      for (const next = begin(); !next(); );
    },
  }
}
