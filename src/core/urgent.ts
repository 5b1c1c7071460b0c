import { isDueBefore } from './flows.ts'
import type { Pending, Queue } from './queue.ts'

/** So many of those that are due first are looked at. */
const URGENT_MOST = 24
/** A request is urgent once half of its wait, less this, is over. */
const URGENT_MS = 2_000

/**
 * The requests of a band that were expected to start in time when they came and may soon be late, the first due in front:
 * others were taken before them because they suited better. They go first, to whatever LLM has room.
 */
export function urgentIn({ deadlines }: Queue, rank: number, now: number): Pending[] {
  return deadlines.items
    .slice(0, URGENT_MOST)
    .filter((pending) => pending.place!.band === rank && isUrgent(pending, now))
    .sort((a, b) => (isDueBefore(a, b) ? -1 : 1))
}

function isUrgent({ at, deadline, place }: Pending, now: number): boolean {
  return place!.startsAt <= deadline && deadline - now <= (deadline - at) / 2 + URGENT_MS
}
