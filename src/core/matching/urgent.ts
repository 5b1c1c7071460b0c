import { isDueBefore } from '../queue/flows.ts'
import { startBy } from './patient.ts'
import type { Pending, Queue } from '../queue/queue.ts'
import { mayTake } from './quota.ts'

/**
 * So many are looked at: from the front of the heap by deadline, where about the first due are, and of those that came
 * again.
 */
const URGENT_MOST = 24
/** A request is urgent once half of its wait, less this, is over. */
const URGENT_MS = 2_000
/** What is planned ends well after a time once it takes so much longer. */
const WELL_AFTER = 1.5

/**
 * The requests of a band that go first, to whatever LLM has room (`mayHurryTo` says where not). In front those that
 * came again as they were told. Then those that were expected to start in time when they came and may soon be late, the
 * first due in front: others were taken before them because they suited better.
 */
export function urgentIn(
  queue: Queue,
  rank: number,
  now: number,
  endsAt = Number.POSITIVE_INFINITY,
): Pending[] {
  const first = holdersIn(queue, rank)
  const due = queue.deadlines.items
    .slice(0, URGENT_MOST)
    .filter(
      (pending) => pending.place!.band === rank && isUrgent(pending, now, endsAt) && !first.includes(pending),
    )
    .sort((a, b) => (isDueBefore(a, b) ? -1 : 1))
  return first.length === 0 ? due : first.concat(due)
}

/**
 * Whose client is in turn, so that no client gets more by coming again. They count as having waited since they first
 * came: with what their client has waiting in the band above, which has waited for half of its longest wait.
 */
function holdersIn({ holders, bands }: Queue, rank: number): Pending[] {
  const found: Pending[] = []
  let looked = 0
  for (const pending of holders) {
    const place = pending.place!
    if (++looked > URGENT_MOST) break
    if (place.band <= rank + 1 && isInTurn(bands[rank]!, pending) && isInTurn(bands[place.band]!, pending))
      found.push(pending)
  }
  return found
}

function isInTurn({ backlogged: [first] }: Queue['bands'][number], { client }: Pending): boolean {
  return first === undefined || first.client === client
}

function isUrgent(pending: Pending, now: number, endsAt: number): boolean {
  const { at, deadline, place } = pending
  if (place!.startsAt > deadline) return false
  const by = startBy(pending)
  if (isShared(pending) && now < by && (by - now) * WELL_AFTER > endsAt - now) return false
  return deadline - now <= (deadline - at) / 2 + URGENT_MS
}

/** Whether the plan says where patient requests like this one should go. */
function isShared({ place }: Pending): boolean {
  const { quota } = place!.lane.kind.stock
  return quota !== null && quota.shares !== null
}

/**
 * Whether an urgent request may go to an LLM: a patient one keeps to the plan for as long as there is time to, unless
 * it came again as it was told.
 */
export function mayHurryTo({ holders }: Queue, pending: Pending, llm: number, now: number): boolean {
  if (!isShared(pending) || holders.has(pending) || now >= startBy(pending)) return true
  return mayTake(pending.place!.lane.kind.stock.quota!, llm)
}
