import type { Event } from '../core/events.ts'

/** Where events are kept: one gapless sequence, appended in batches, each batch whole or not at all. */
export interface LogStore {
  /**
   * Appends a batch, whose `seq` have no gap, in one transaction. Throws when the disk or the file does not allow it.
   */
  append(events: readonly Event[]): void
  /** `seq` and `at` of the last event; zeros for an empty log. */
  last(): { seq: number; at: number }
  /** Events in order, those with `at` of at least `since` (ms since 1970). */
  read(since: number): IterableIterator<Event>
  /** Deletes at most `most` of the commits that began before `before` (ms since 1970); gives how many it deleted. */
  prune(before: number, most: number): number
  close(): void
}

/** The log cannot be used; the message is for people and says what to do. */
export class LogError extends Error {
  override readonly name = 'LogError'
}
