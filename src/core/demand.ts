import type { Account } from './account.ts'
import { hourOf, profileOf } from './pacing.ts'

/** How many requests came in each hour of the day, UTC, and since when that is known. */
export interface Demand {
  readonly counts: number[]
  since: number | null
}

export function createDemand(): Demand {
  return { counts: new Array<number>(24).fill(0), since: null }
}

/** Counts a request that came at `at`. */
export function noteDemand(demand: Demand, at: number): void {
  const hour = hourOf(at)
  demand.counts[hour] = demand.counts[hour]! + 1
  demand.since ??= at
}

/** Paces all limits by the demand as known at `now`. */
export function paceBy({ counts, since }: Demand, accounts: readonly Account[], now: number): void {
  const profile = profileOf(counts, since === null ? 0 : now - since)
  for (const { ledgers } of accounts) for (const ledger of ledgers) ledger.profile = profile
}
