import { announce } from '../../actors/announce.ts'
import { type Balancer, createBalancer } from '../../actors/balancer.ts'
import type { Deciding } from '../../config/policy.ts'
import { type Started, type Start, startFromFold } from '../../config/start.ts'
import { checkpointOf, restore } from '../../core/checkpoint.ts'
import { isInput } from '../../core/event-versions.ts'
import type { Event, EventData, EventOf, InputEvent } from '../../core/events.ts'
import { type Fold, foldInto } from '../../core/fold.ts'
import { createVirtualClock, type VirtualClock } from '../../sim/clock.ts'
import { type Calls, createCalls } from './calls.ts'
import { createFollowingClock, type FollowingClock } from './clock.ts'
import { createFollower, type Follower, isSameStep } from './follow.ts'
import type { Position } from '../../log/store.ts'
import type { Providers } from './providers.ts'
import type { RecordedRequest } from './recorded.ts'
import type { Services, Source } from './service.ts'

export interface WorldOptions {
  /** The configuration of the other world. */
  readonly config: Deciding
  /** The state before the first fact; kept up to date with what happens in the other world. */
  readonly fold: Fold
  readonly requests: ReadonlyMap<string, RecordedRequest>
  readonly services: Services
  readonly providers: Providers
  readonly lastSeq: number
  /** ms since 1970 */
  readonly start: number
  /** The last event of the log that the world may follow. */
  readonly followTo: number
  /** The state in which a recorded process started, where it decided by the same policy; else null. */
  startOf(started: EventOf<'process.started'>): Fold | null
  /** Told every event of the other world, in order. */
  record(event: Event): void
  served(request: string, source: Source, isLengthRecorded: boolean): void
}

/** The other world: the same facts, another configuration. */
export interface OtherWorld {
  /**
   * Takes in the next event of the log, facts as they are in the other world. As long as both worlds go the same way,
   * each fact comes when the log says so; from the first step that differs on, only those that are not of the load
   * balancer's own making: requests that come and clients that leave, the wall clock, starts and stops.
   */
  take(event: Event): void
  /** Starts a process at `at` that the log does not know. */
  begin(started: Started, at: number): void
  /** Lets all that is under way come to its end, once the log has. */
  finish(): void
  /** The last event of the log up to which both went the same way; null while they still do. */
  readonly partedAfter: Position | null
}

/** A process of the other world. */
interface Process {
  readonly balancer: Balancer
  readonly clock: FollowingClock
  readonly follower: Follower
  isStopping: boolean
}

interface State {
  readonly options: WorldOptions
  readonly clock: VirtualClock
  readonly calls: Calls
  /** What came out of the facts so far, and was not compared yet. */
  readonly produced: Event[]
  /** The last event of the log that was taken in. */
  last: Position
  lastSeq: number
  process: Process | null
  partedAfter: Position | null
}

export function openOtherWorld(options: WorldOptions): OtherWorld {
  const { config, requests, services, providers, served, start } = options
  const clock = createVirtualClock(start)
  const balancer = () => state.process!.balancer
  const calls = createCalls({ clock, specs: config.llms, requests, services, providers, balancer, served })
  const last = { seq: options.lastSeq, at: start }
  const nothing = { produced: [], process: null }
  const partedAfter = last.seq < options.followTo ? null : last
  const state: State = { options, clock, calls, last, lastSeq: last.seq, partedAfter, ...nothing }
  if (partedAfter !== null) calls.release()
  return {
    take(event) {
      if (state.last.seq >= options.followTo) part(state)
      if (event.type === 'process.started') boot(state, event)
      else if (state.partedAfter === null) follow(state, event)
      else takeFact(state, event)
      state.last = { seq: event.seq, at: event.at }
    },
    begin(started, at) {
      const begun = startFromFold(started, restore(checkpointOf(options.fold, at), config.llms))
      run(state, started, { ...begun, recovered: { ...begun.recovered, unfinished: [] } }, false)
      // What was under way was charged at the start; nobody waits for its end any more.
      options.fold.open.clear()
    },
    finish() {
      if (state.partedAfter !== null) while (clock.runNext());
      kill(state)
    },
    get partedAfter() {
      return state.partedAfter
    },
  }
}

function runTo({ clock }: State, at: number): void {
  if (at > clock.now()) clock.runUntil(at)
}

function record(state: State, event: Event): void {
  const { options, produced, calls } = state
  state.lastSeq = event.seq
  foldInto(options.fold, event)
  options.record(event)
  if (state.partedAfter === null) produced.push(event)
  calls.hear(event)
}

/** Lets a process run; what is recorded at its start is recorded here. */
function run(state: State, started: Started, { policy, recovered }: Start, isSamePolicy: boolean): void {
  const clock = createFollowingClock(state.clock)
  if (state.partedAfter !== null) clock.release()
  const { llms, hours } = recovered
  const balancer = createBalancer(
    {
      policy,
      llms,
      hours,
      clock,
      lastSeq: state.lastSeq,
      record: (event) => record(state, event),
      fatal(message) {
        throw new Error(message)
      },
    },
    '',
  )
  state.process = { balancer, clock, follower: createFollower(clock, isSamePolicy), isStopping: false }
  balancer.ingest('process.started', started)
  announce(balancer, recovered)
}

function kill(state: State): void {
  state.process?.balancer.stop()
  state.calls.dropAll()
  state.process = null
}

/** From here on the other world goes its own way. */
function part(state: State): void {
  if (state.partedAfter !== null) return
  state.partedAfter = state.last
  state.produced.length = 0
  state.process?.clock.release()
  state.calls.release()
}

/** The end of the process that was running, if one was, and the start of the next. */
function boot(state: State, event: EventOf<'process.started'>): void {
  const { options, process, last, produced } = state
  // Whoever was told to stop has until the next one starts; who died, died after its last word.
  runTo(state, process?.isStopping === true ? event.at : last.at)
  kill(state)
  if (produced.length > 0) part(state)
  runTo(state, event.at)
  const same = options.startOf(event)
  const { recovered_at: now } = event.data
  const own = () => restore(checkpointOf(options.fold, now!), options.config.llms)
  const fold = state.partedAfter === null && same !== null ? same : own()
  run(state, event.data, startFromFold(event.data, fold), same !== null)
  if (state.partedAfter === null) compare(state, event)
}

function ingest({ process }: State, event: InputEvent): void {
  const { balancer, clock } = process!
  if (event.type === 'timer.fired') return clock.fire(event.data.timer)
  if (event.type === 'process.stopping') process!.isStopping = true
  balancer.ingest(event.type, event.data as EventData[typeof event.type], event.request, event.llm)
}

/** Takes in the next event of the log while both worlds are the same, or parts from it. */
function follow(state: State, event: Event): void {
  const { process, produced } = state
  if (produced.length > 0 && isInput(event)) {
    // Something else was decided before it.
    part(state)
    return takeFact(state, event)
  }
  if (isInput(event)) {
    if (process === null || !process.follower.mayTake(event)) {
      part(state)
      return takeFact(state, event)
    }
    runTo(state, event.at)
    ingest(state, event)
  }
  compare(state, event)
}

function compare(state: State, event: Event): void {
  const mine = state.produced.shift()
  if (mine === undefined || !isSameStep(mine, event)) part(state)
}

/** Takes in a fact of the log that comes whatever the load balancer does. */
function takeFact(state: State, event: Event): void {
  if (!isExternal(event)) return
  runTo(state, event.at)
  const { process } = state
  if (process === null) return
  if (event.type !== 'request.abandoned') return ingest(state, event)
  const { running } = process.balancer.state
  if (!process.balancer.owns(event.request!)) return
  ingest(state, { ...event, data: { while: running.has(event.request!) ? 'running' : 'queued' } })
}

function isExternal(event: Event): event is InputEvent {
  return EXTERNAL.has(event.type)
}

const EXTERNAL: ReadonlySet<string> = new Set([
  'request.received',
  'request.abandoned',
  'clock.jumped',
  'process.stopping',
])
