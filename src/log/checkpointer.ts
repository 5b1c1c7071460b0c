import { setImmediate } from 'node:timers'
import type { Checkpoint } from '../core/checkpoint.ts'
import type { Event } from '../core/events.ts'
import type { LogStore, StoredCheckpoint } from './store.ts'

/** Events between two checkpoints, at least: folding so many takes a fraction of a second. */
const EVENTS_LEAST = 20_000
/** Of the bytes that events take, one in so many goes to checkpoints at most: a large state is stored more rarely. */
const SHARE = 25
/** About what an event takes in the log, and a number in a checkpoint. */
const EVENT_BYTES = 100
const NUMBER_BYTES = 5

export interface CheckpointerOptions extends Pick<StoredCheckpoint, 'configHash' | 'config'> {
  readonly store: Pick<LogStore, 'checkpoint'>
  /** The state after the last event that was recorded, told as of its instant (ms since 1970). */
  take(at: number): Checkpoint
}

/** Stores the state every so many events. */
export interface Checkpointer {
  /** To be told of every event when it is recorded. */
  recorded(event: Event): void
  /** Stores the state now; to be called when no fact is being taken in. */
  store(): void
}

/** A checkpoint is no more than a shortcut: one that cannot be stored is left out, and tried again as the next. */
export function createCheckpointer({ store, take, ...config }: CheckpointerOptions): Checkpointer {
  let last: Event | null = null
  let dueAt = Number.POSITIVE_INFINITY

  function write(): void {
    if (last === null) return
    const { seq, at } = last
    const state = take(at)
    dueAt = seq + Math.max(EVENTS_LEAST, Math.ceil((bytesOf(state) * SHARE) / EVENT_BYTES))
    try {
      store.checkpoint({ seq, at, ...config, state })
    } catch {
      // The journal reports a log that cannot be written.
    }
  }
  return {
    recorded(event) {
      last = event
      if (event.seq < dueAt) return
      dueAt = Number.POSITIVE_INFINITY
      setImmediate(write)
    },
    store: write,
  }
}

/** About how long a checkpoint is as JSON. O(ledgers + requests under way). */
function bytesOf({ llms, open }: Checkpoint): number {
  let numbers = open.length * 40
  for (const { skill, ledgers, hidden = [] } of llms) {
    numbers += 100 + skill.byClient.length * 60
    for (const books of [...ledgers, ...hidden, ...ledgers.map((ledger) => ledger?.fallback)]) {
      if (books == null) continue
      const { entries = [], foreign = [], held = [] } = books
      numbers += 20 + entries.length + foreign.length + held.length * 10
    }
  }
  return numbers * NUMBER_BYTES
}
