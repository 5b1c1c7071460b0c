import type { Event } from '../core/events.ts'
import type { Segment } from './segment.ts'

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
  close(): void
}

/** Where events are kept: one gapless sequence, appended in batches, each batch whole or not at all. */
export interface LogStore extends LogReader {
  /**
   * Appends a batch, whose `seq` have no gap, in one transaction. Throws when the disk or the file does not allow it.
   */
  append(events: readonly Event[]): void
  /** {@link append} of a batch that is packed already. */
  write(segment: Segment): void
  /** Deletes at most `most` of the commits that began before `before` (ms since 1970); gives how many it deleted. */
  prune(before: number, most: number): number
}

/** Whether a batch is in the log; `renewed` says that the log was moved or deleted, and begins anew with the batch. */
export type Written = { ok: true; renewed: boolean } | { ok: false; why: string }

/** A log that is written elsewhere, so that nobody waits for its disk. Calls are done in the order they are made. */
export interface LogWriter {
  /** Appends a batch, at least one event, as {@link LogStore.append} does. Never rejects. */
  append(events: readonly Event[]): Promise<Written>
  /** As {@link LogStore.prune}; rejects with a LogError when the disk or the file does not allow it. */
  prune(before: number, most: number): Promise<number>
  /** Ends what writes it, after what was asked before. Never rejects. */
  close(): Promise<void>
}

/** The log cannot be used; the message is for people and says what to do. */
export class LogError extends Error {
  override readonly name = 'LogError'
}
