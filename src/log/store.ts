import type { Event, EventOf, EventType } from '../core/events.ts'

/** A place in the log. */
export interface Position {
  readonly seq: number
  /** ms since 1970 */
  readonly at: number
}

/** Where events are read. Each call sees what was committed when it began. */
export interface LogReader {
  /** The first event there is, since older ones may be deleted; zeros for an empty log. */
  first(): Position
  /** The last event; zeros for an empty log. */
  last(): Position
  /** Events in order, those with `at` of at least `since` (ms since 1970). */
  read(since: number): IterableIterator<Event>
  /** Events in order, from `seq` on. */
  readFrom(seq: number): IterableIterator<Event>
  /** Events in order of the commits from `seq` on in which `text` stands, such as the id of a request. O(bytes). */
  readWith(text: string, seq: number): IterableIterator<Event>
  /** The last event of a type up to `seq`; null when there is none. O(bytes of the log after it). */
  latest<T extends EventType>(type: T, seq: number): EventOf<T> | null
  close(): void
}

/** Where events are kept: one gapless sequence, appended in batches, each batch whole or not at all. */
export interface LogStore extends LogReader {
  /**
   * Appends a batch, whose `seq` have no gap, in one transaction. Throws when the disk or the file does not allow it.
   */
  append(events: readonly Event[]): void
  /** Deletes at most `most` of the commits that began before `before` (ms since 1970); gives how many it deleted. */
  prune(before: number, most: number): number
}

/** The log cannot be used; the message is for people and says what to do. */
export class LogError extends Error {
  override readonly name = 'LogError'
}
