import type { Account } from './account.ts'
import { paceAnew } from './held-back.ts'
import { hourOf, isPaced, type Profile, profileOf } from './pacing.ts'

/** How many requests came in each hour of the day, UTC, in thousandths, the latest days counting most, and since when that is known. */
export interface Demand {
  counts: number[]
  since: number | null
  /** Ordinal of the day, UTC, that the last request came on. */
  day: number
}

const DAY_MS = 86_400_000
const ONE = 1000
/** With each day, what came before counts an eighth less. */
const KEPT = 7 / 8

export function createDemand(): Demand {
  return { counts: new Array<number>(24).fill(0), since: null, day: Number.NEGATIVE_INFINITY }
}

/** What an LLM has, as far as it may be paced. */
type Paced = { readonly account: Account }

/**
 * Counts a request that came at `at`. The first one of a day has all limits paced by the days before from then on, each
 * with its own next day: within a day no allowance falls. True where it did so.
 */
export function noteDemand(demand: Demand, llms: readonly Paced[], at: number): boolean {
  const day = Math.floor(at / DAY_MS)
  const isNext = day > demand.day && demand.since !== null
  if (isNext) {
    pace(llms, profileOf(demand.counts, at - demand.since!), day * DAY_MS, at)
    demand.counts = demand.counts.map((count) => Math.floor(count * KEPT))
  }
  demand.day = day
  demand.counts[hourOf(at)]! += ONE
  demand.since ??= at
  return isNext
}

function pace(llms: readonly Paced[], profile: Profile, from: number, now: number): void {
  for (const { account } of llms)
    for (const ledger of account.ledgers) if (isPaced(ledger.limit)) paceAnew(ledger, profile, from, now)
}
