import { announce } from '../actors/announce.ts'
import { type Balancer, createBalancer } from '../actors/balancer.ts'
import type { Deciding } from '../config/policy.ts'
import { type Started, type Start, startFromFold } from '../config/start.ts'
import { checkpointOf, restore } from '../core/checkpoint.ts'
import { isInput } from '../core/event-versions.ts'
import type { Event, EventData, EventOf, InputEvent } from '../core/events.ts'
import { type Fold, foldInto } from '../core/fold.ts'
import { createVirtualClock } from '../sim/clock.ts'
import { createCalls } from './what-if-calls.ts'
import { createFollowingClock, type FollowingClock } from './what-if-clock.ts'
import { createFollower, type Follower, isSameStep } from './what-if-follow.ts'
import type { Providers } from './what-if-providers.ts'
import type { RecordedRequest } from './what-if-recorded.ts'
import type { Services, Source } from './what-if-service.ts'

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
  /** False for a world that never follows the log. */
  readonly follow: boolean
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
  readonly partedAfter: { readonly seq: number; readonly at: number } | null
}

/** A process of the other world. */
interface Process {
  readonly balancer: Balancer
  readonly clock: FollowingClock
  readonly follower: Follower
  isStopping: boolean
}

export function openOtherWorld(options: WorldOptions): OtherWorld {
  const { config, fold, requests, services, providers } = options
  const world = createVirtualClock(options.start)
  const produced: Event[] = []
  let last = { seq: options.lastSeq, at: options.start }
  let lastSeq = options.lastSeq
  let process: Process | null = null
  let partedAfter: OtherWorld['partedAfter'] = options.follow ? null : last
  const calls = createCalls({
    clock: world,
    specs: config.llms,
    requests,
    services,
    providers,
    balancer: () => process!.balancer,
    served: options.served,
  })
  if (partedAfter !== null) calls.release()

  function record(event: Event): void {
    lastSeq = event.seq
    foldInto(fold, event)
    options.record(event)
    if (partedAfter === null) produced.push(event)
    calls.hear(event)
  }
  function run(started: Started, { policy, recovered }: Start, isSamePolicy: boolean): void {
    const clock = createFollowingClock(world)
    if (partedAfter !== null) clock.release()
    const fatal = (message: string) => {
      throw new Error(message)
    }
    const { llms, hours } = recovered
    const balancer = createBalancer({ policy, llms, hours, clock, lastSeq, record, fatal }, '')
    process = { balancer, clock, follower: createFollower(clock, isSamePolicy), isStopping: false }
    balancer.ingest('process.started', started)
    announce(balancer, recovered)
  }
  function kill(): void {
    process?.balancer.stop()
    calls.dropAll()
    process = null
  }
  function part(): void {
    if (partedAfter !== null) return
    partedAfter = last
    produced.length = 0
    process?.clock.release()
    calls.release()
  }
  function runTo(at: number): void {
    if (at > world.now()) world.runUntil(at)
  }

  function boot(event: EventOf<'process.started'>): void {
    // Whoever was told to stop has until the next one starts; who died, died after its last word.
    runTo(process?.isStopping === true ? event.at : last.at)
    kill()
    if (produced.length > 0) part()
    runTo(event.at)
    const own = options.startOf(event)
    const isFollowing = partedAfter === null && own !== null
    const state = isFollowing ? own : restore(checkpointOf(fold, event.at), config.llms)
    run(event.data, startFromFold(event.data, state), own !== null)
  }
  function ingest(event: InputEvent): void {
    if (event.type === 'timer.fired') return process!.clock.fire(event.data.timer)
    if (event.type === 'process.stopping') process!.isStopping = true
    process!.balancer.ingest(event.type, event.data as EventData[typeof event.type], event.request, event.llm)
  }
  function follow(event: Event): void {
    if (produced.length === 0 && isInput(event)) {
      if (process === null || !process.follower.mayTake(event)) {
        part()
        return takeFact(event)
      }
      runTo(event.at)
      ingest(event)
    }
    const mine = produced.shift()
    if (mine !== undefined && isSameStep(mine, event)) return
    part()
    // A fact that was not taken in here, because something else was decided before it.
    if (mine !== undefined && mine.type !== event.type && isInput(event)) takeFact(event)
  }
  function takeFact(event: Event): void {
    if (!isExternal(event)) return
    runTo(event.at)
    if (process === null) return
    if (event.type === 'request.abandoned') {
      const { running, queue } = process.balancer.state
      const isRunning = running.has(event.request!)
      if (!isRunning && !queue.byId.has(event.request!)) return
      return ingest({ ...event, data: { while: isRunning ? 'running' : 'queued' } })
    }
    ingest(event)
  }
  return {
    take(event) {
      if (event.type === 'process.started') {
        boot(event)
        if (partedAfter === null) follow(event)
      } else if (partedAfter === null) follow(event)
      else takeFact(event)
      last = { seq: event.seq, at: event.at }
    },
    begin(started, at) {
      runTo(at)
      const state = restore(checkpointOf(fold, at), config.llms)
      const begun = startFromFold(started, state)
      fold.open.clear()
      run(started, { ...begun, recovered: { ...begun.recovered, unfinished: [] } }, false)
    },
    finish() {
      if (partedAfter !== null) while (world.runNext());
      kill()
    },
    get partedAfter() {
      return partedAfter
    },
  }
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
