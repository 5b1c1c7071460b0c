import { announce } from '../../actors/announce.ts'
import { createBalancer } from '../../actors/balancer.ts'
import { startFromFold } from '../../config/start.ts'
import type { Event, EventData, EventOf, InputEvent } from '../../core/events.ts'
import type { Fold } from '../../core/fold.ts'
import { createReplayClock } from './clock.ts'

/** A process that is executed again: facts go in, and everything comes out that it records of them. */
export interface Execution {
  /**
   * Takes in a fact at the instant at which it was recorded. What that leads to, the fact before all, is added to
   * `produced`. Returns why the fact cannot have come about so, or null.
   */
  take(fact: InputEvent): string | null
  /** What was recorded again and not been taken away yet, in order. */
  readonly produced: Event[]
  /** The bug that took the dispatcher down; null while it goes on. */
  readonly broken: string | null
}

/** Starts a process again as it started, from the fold of what the log has before it, which is used up. */
export function execute(event: EventOf<'process.started'>, past: Fold): Execution {
  const { policy, recovered } = startFromFold(event.data, past)
  const produced: Event[] = []
  let broken: string | null = null
  const clock = createReplayClock(event.data.recovered_at!)
  const balancer = createBalancer(
    {
      policy,
      llms: recovered.llms,
      hours: recovered.hours,
      clock,
      lastSeq: event.seq - 1,
      record: (made) => void produced.push(made),
      fatal(message) {
        broken ??= message
      },
    },
    `${event.data.seed.toString(36)}_`,
  )
  clock.set(event.at)
  balancer.ingest('process.started', event.data)
  announce(balancer, recovered)

  function fire({ at, data: { timer } }: EventOf<'timer.fired'>): string | null {
    const due = clock.dueAt(timer)
    if (due === null) return `timer ${timer} is not armed`
    if (due > at) return `timer ${timer} is due ${due - at} ms later`
    clock.fire(timer)
    return null
  }
  return {
    produced,
    get broken() {
      return broken
    },
    take(fact) {
      clock.set(fact.at)
      if (fact.type === 'timer.fired') return fire(fact)
      if (fact.type === 'request.received') {
        const id = balancer.nextRequestId()
        if (fact.request !== id) return `a request that comes in here has the id ${id}`
      }
      balancer.ingest(fact.type, fact.data as EventData[typeof fact.type], fact.request, fact.llm)
      return null
    },
  }
}
