import { setImmediate } from 'node:timers'
import type { Event } from '../../core/events.ts'
import { Backlog, takeChunk } from './backlog.ts'
import type { LogWriter, Written } from '../store.ts'

/** Events that wait for a disk that does not take them; beyond this the oldest are dropped, and counted. */
const BACKLOG_MAX = 50_000
/** While as many wait for a slow disk, no more requests are taken: they would bring more. */
const CROWDED = 25_000
/** Under load, commits follow each other at this distance: a commit costs more than the events in it. */
const COMMIT_INTERVAL_MS = 2
/** Pause between two tries to write while the disk does not take events. */
const RETRY_MS = 1_000
/** A disk that is silent for as long counts as one that does not take events. */
const SILENCE_MS = 10_000

export interface JournalOptions {
  readonly writer: Pick<LogWriter, 'append'>
  /** Called for every event once it is in the log, in order: what an event sets off starts here. */
  committed(event: Event): void
  /** The log stopped or went on; for people. */
  trouble(message: string): void
  /** The log goes on, after `ms` in which it could not be written and without as many events as were `lost`. */
  resumed(lost: number, ms: number): void
  /** The log begins anew: its file was moved or deleted. */
  renewed(): void
}

export interface LogHealth {
  /** `slow`: so much waits for the disk that more would be too much. */
  readonly status: 'ok' | 'slow' | 'failing'
  /** Events that were lost since the start because the log could not be written. */
  readonly dropped: number
}

/** A batch that is being written. */
interface Sent {
  readonly events: readonly Event[]
  readonly at: number
  /** Whether its events are still to set off what follows. */
  pending: boolean
}

/**
 * Group commit: the events of one turn of the event loop, or of a few ms under load, go to the log in one transaction,
 * and only then set off what follows from them. Those that come while a batch is being written are the next. When the
 * log cannot be written, serving goes on and the events are kept and tried again.
 */
export class Journal {
  readonly #options: JournalOptions
  /** Events that have set off nothing yet. */
  #batch: Event[] = []
  /** Events that have set off what follows although the log does not have them. */
  readonly #backlog = new Backlog(BACKLOG_MAX)
  #sent: Sent | null = null
  #scheduled = false
  #lastCommit = Number.NEGATIVE_INFINITY
  /** Since when the log cannot be written, and what was lost before. */
  #failing: { readonly since: number; readonly dropped: number } | null = null
  #retry: ReturnType<typeof setTimeout> | null = null
  #watch: ReturnType<typeof setTimeout> | null = null
  #flushing: (() => void)[] = []

  constructor(options: JournalOptions) {
    this.#options = options
  }

  readonly append = (event: Event): void => {
    this.#batch.push(event)
    if (this.#sent === null || this.#failing !== null) this.#schedule()
  }

  /** Writes what waits, without a pause after a failed try. Resolves when all is in the log, or cannot be. */
  flush(): Promise<void> {
    if (this.#isSilent()) return Promise.resolve()
    return new Promise((resolve) => {
      this.#flushing.push(resolve)
      this.#next()
    })
  }

  health(): LogHealth {
    const status = this.#failing !== null ? 'failing' : this.#batch.length > CROWDED ? 'slow' : 'ok'
    return { status, dropped: this.#backlog.dropped }
  }

  /** How many events the log does not have yet. */
  get waiting(): number {
    return this.#batch.length + this.#backlog.size + (this.#sent?.events.length ?? 0)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    const wait = this.#lastCommit + COMMIT_INTERVAL_MS - performance.now()
    if (wait > 0) setTimeout(this.#tick, wait)
    else setImmediate(this.#tick)
  }

  readonly #tick = (): void => {
    this.#scheduled = false
    if (this.#failing === null) return this.#next()
    this.#lastCommit = performance.now()
    this.#letGo()
  }

  /** Sends the next batch, unless one is being written. */
  #next(): void {
    if (this.#sent !== null) return
    if (this.#backlog.size > 0) this.#send(this.#backlog.take(), false)
    else if (this.#batch.length > 0) this.#send(takeChunk(this.#batch), true)
    else this.#flushed()
  }

  #send(events: Event[], pending: boolean): void {
    this.#lastCommit = performance.now()
    this.#sent = { events, at: this.#lastCommit, pending }
    this.#watch ??= setTimeout(this.#look, SILENCE_MS)
    void this.#options.writer.append(events).then(this.#answered)
  }

  readonly #answered = (written: Written): void => {
    const { events, pending } = this.#sent!
    this.#sent = null
    if (!written.ok) {
      this.#backlog.putBack(events)
      this.#fail(written.why, pending ? events : [])
      this.#retry ??= setTimeout(this.#again, RETRY_MS)
      return
    }
    if (written.renewed) this.#renew(events[0]!.seq)
    if (pending) this.#setOff(events)
    if (this.#failing !== null && this.#backlog.size === 0) this.#resume(this.#failing)
    if (this.#backlog.size > 0 || this.#flushing.length > 0) this.#next()
    else if (this.#batch.length > 0) this.#schedule()
  }

  readonly #again = (): void => {
    this.#retry = null
    this.#next()
  }

  /** Gives a batch up for the time being when the disk is silent about it. */
  readonly #look = (): void => {
    this.#watch = null
    if (this.#sent === null) return
    if (!this.#isSilent()) {
      this.#watch = setTimeout(this.#look, this.#sent.at + SILENCE_MS - performance.now())
      return
    }
    const { events, pending } = this.#sent
    this.#sent.pending = false
    this.#fail(`the disk has been silent for ${SILENCE_MS / 1000} s`, pending ? events : [])
  }

  #isSilent(): boolean {
    return this.#sent !== null && performance.now() - this.#sent.at >= SILENCE_MS
  }

  /** Goes on without the log: what `events` and those that wait set off starts now. */
  #fail(why: string, events: readonly Event[]): void {
    if (this.#failing === null) {
      this.#failing = { since: performance.now(), dropped: this.#backlog.dropped }
      this.#options.trouble(`The event log cannot be written: ${why}. Events are kept in memory.`)
    }
    this.#setOff(events)
    this.#letGo()
    this.#flushed()
  }

  #resume({ since, dropped }: { since: number; dropped: number }): void {
    const lost = this.#backlog.dropped - dropped
    this.#failing = null
    this.#options.trouble(`The event log can be written again; ${lost} events were lost.`)
    this.#options.resumed(lost, Math.round(performance.now() - since))
  }

  #renew(seq: number): void {
    this.#options.trouble(
      `The event log was moved or deleted; a new one begins with event ${seq}, and with what the limits need of the events before it.`,
    )
    this.#options.renewed()
  }

  #letGo(): void {
    const events = this.#batch
    this.#batch = []
    this.#backlog.add(events)
    this.#setOff(events)
  }

  #setOff(events: readonly Event[]): void {
    for (const event of events) this.#options.committed(event)
  }

  #flushed(): void {
    const resolved = this.#flushing
    this.#flushing = []
    for (const resolve of resolved) resolve()
  }
}
