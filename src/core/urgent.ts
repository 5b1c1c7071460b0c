import { isDueBefore } from './flows.ts'
import { startBy } from './patient.ts'
import type { Pending, Queue } from './queue.ts'
import { mayTake } from './quotas.ts'

/** So many of those that are due first are looked at. */
const URGENT_MOST = 24
/** A request is urgent once half of its wait, less this, is over. */
const URGENT_MS = 2_000

/** What is planned ends well after a time once it takes so much longer. */
const WELL_AFTER = 1.5

/**
 * The requests of a band that were expected to start in time when they came and may soon be late, the first due in front:
 * others were taken before them because they suited better. They go first, to whatever LLM has room.
 */
export function urgentIn(
  { deadlines }: Queue,
  rank: number,
  now: number,
  endsAt = Number.POSITIVE_INFINITY,
): Pending[] {
  return deadlines.items
    .slice(0, URGENT_MOST)
    .filter((pending) => pending.place!.band === rank && isUrgent(pending, now, endsAt))
    .sort((a, b) => (isDueBefore(a, b) ? -1 : 1))
}

function isUrgent(pending: Pending, now: number, endsAt: number): boolean {
  const { at, deadline, place } = pending
  if (place!.startsAt > deadline) return false
  const by = startBy(pending)
  if (isPlanned(pending) && now < by && (by - now) * WELL_AFTER > endsAt - now) return false
  return deadline - now <= (deadline - at) / 2 + URGENT_MS
}

function isPlanned({ place }: Pending): boolean {
  const { quota } = place!.lane.kind.stock
  return quota !== null && quota.shares !== null
}

/** Whether an urgent request may go to an LLM: a patient one keeps to the plan for as long as there is time to. */
export function mayHurryTo(pending: Pending, llm: number, now: number): boolean {
  return !isPlanned(pending) || now >= startBy(pending) || mayTake(pending.place!.lane.kind.stock.quota!, llm)
}
