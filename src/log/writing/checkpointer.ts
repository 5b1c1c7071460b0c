import { setImmediate } from 'node:timers'
import type { Event } from '../../core/events.ts'
import { DAY_MS } from '../../core/time.ts'
import type { CheckpointText, StoredCheckpoint } from '../store.ts'

/** Events between two checkpoints, at least: folding so many takes a fraction of a second. */
const EVENTS_LEAST = 20_000
/** The longest between two: events are deleted up to one, and are not to be kept for weeks because they are few. */
const MS_MOST = DAY_MS
/** Of the bytes that events take, one in so many goes to checkpoints at most: a large state is stored more rarely. */
const SHARE = 25
/** About what an event takes in the log. */
const EVENT_BYTES = 100

export interface CheckpointerOptions extends Pick<StoredCheckpoint, 'configHash' | 'config'> {
  /** The log, as far as checkpoints go; it may be written elsewhere. */
  readonly store: { checkpoint(checkpoint: CheckpointText): void | Promise<void> }
  /** The state as it is now, after the last event that was recorded, told as of its instant: pieces of JSON. */
  take(at: number): Iterator<string>
}

/** Stores the state every so many events, and once a day. */
export interface Checkpointer {
  /** To be told of every event when it is recorded. */
  recorded(event: Event): void
  /** Stores the state at once; to be called when no fact is being taken in. Never rejects. */
  store(): Promise<void>
}

/** The event after which the next checkpoint is stored, when one with this state was stored after `seq`. */
export function nextDue(seq: number, state: string): number {
  return seq + Math.max(EVENTS_LEAST, Math.ceil((state.length * SHARE) / EVENT_BYTES))
}

/** A checkpoint is no more than a shortcut: one that cannot be stored is left out, and tried again as the next. */
export function createCheckpointer({ store, take, ...config }: CheckpointerOptions): Checkpointer {
  let last: Event | null = null
  let dueAt = Number.POSITIVE_INFINITY
  let dueOn = Number.POSITIVE_INFINITY

  /** Begins a checkpoint; each call of what it gives does a piece of it, until one gives the whole. */
  function begin(): () => CheckpointText | null {
    const { seq, at } = last!
    const pieces = take(at)
    let state = ''
    return () => {
      const piece = pieces.next()
      if (!piece.done) {
        state += piece.value
        return null
      }
      dueAt = nextDue(seq, state)
      dueOn = at + MS_MOST
      return { seq, at, ...config, state }
    }
  }
  async function put(checkpoint: CheckpointText): Promise<void> {
    try {
      await store.checkpoint(checkpoint)
    } catch {
      // The journal reports a log that cannot be written.
    }
  }
  function piecemeal(next: () => CheckpointText | null): void {
    const whole = next()
    if (whole === null) setImmediate(piecemeal, next)
    else void put(whole)
  }
  return {
    recorded(event) {
      last = event
      if (event.seq < dueAt && event.at < dueOn) return
      dueAt = Number.POSITIVE_INFINITY
      dueOn = Number.POSITIVE_INFINITY
      setImmediate(() => piecemeal(begin()))
    },
    async store() {
      if (last === null) return
      const next = begin()
      let whole = next()
      while (whole === null) whole = next()
      await put(whole)
    },
  }
}
