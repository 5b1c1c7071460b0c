import type { Event } from '../../core/events.ts'
import { same } from '../same.ts'
import type { FollowingClock } from './clock.ts'

/** In the log, a timer of the same world fires at most so long after something else could have been it, in ms. */
const LATE_MS = 100

/**
 * Whether the other world has decided what the log says, as far as it matters for what follows. What is only told with
 * it (scores, prospects, prices) may be another.
 */
export function isSameStep(mine: Event, recorded: Event): boolean {
  if (mine.type !== recorded.type || mine.at !== recorded.at) return false
  if (mine.request !== recorded.request || mine.llm !== recorded.llm) return false
  switch (recorded.type) {
    case 'request.dispatched':
      return same((mine as typeof recorded).data.reserved, recorded.data.reserved)
    case 'llm.exhausted':
    case 'llm.limit_learned':
      return same(mine.data, recorded.data)
    case 'llm.cooling':
      return (mine as typeof recorded).data.until === recorded.data.until
    case 'request.rejected':
    case 'request.failed':
      return (mine as typeof recorded).data.code === recorded.data.code
    default:
      return true
  }
}

/** Whether a recorded fact can come in now in a world that runs under another configuration. */
export interface Follower {
  mayTake(event: Event): boolean
}

/**
 * A timer that the log knows has to be armed and due here. One that is due here, but does not fire in the log although
 * other things happen there, is not one of the log. Under the same configuration neither can be.
 */
export function createFollower(clock: FollowingClock, isSamePolicy: boolean): Follower {
  /** The first fact after a timer was due that has not fired yet. */
  let overdueSince = Number.POSITIVE_INFINITY
  return {
    mayTake(event) {
      if (event.type === 'timer.fired') {
        const due = clock.dueAt(event.data.timer)
        if (due === null || due > event.at) return false
      }
      if (isSamePolicy) return true
      overdueSince = clock.nextDue() < event.at ? Math.min(overdueSince, event.at) : Number.POSITIVE_INFINITY
      return event.at - overdueSince <= LATE_MS
    },
  }
}
