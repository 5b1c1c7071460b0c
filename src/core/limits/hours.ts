import type { Account } from './account.ts'
import { paceAnew } from './held-back.ts'
import { hourOf, isPaced, type Profile, profileOf } from './pacing.ts'
import { DAY_MS } from '../time.ts'

/** How many requests came in each hour of the day, UTC, in thousandths, over whole days, the latest counting most. */
export interface Hours {
  counts: number[]
  /** Ordinal of the day, UTC, that the last request came on; null before the first. */
  day: number | null
  /** Whether the counts are of whole days. The first day may have begun before anything was known of it. */
  isWhole: boolean
}

const ONE = 1000
/** With each day, what came before counts an eighth less. */
const KEPT = 7 / 8

export function createHours(): Hours {
  return { counts: noCounts(), day: null, isWhole: false }
}

function noCounts(): number[] {
  return new Array<number>(24).fill(0)
}

/** What an LLM has, as far as it may be paced. */
type Paced = { readonly account: Account }

/**
 * Counts a request that came at `at`. The first one of a day has all limits paced by the whole days before from then
 * on, each with its own next day: within a day no allowance falls. True where it did so.
 */
export function noteHours(known: Hours, llms: Iterable<Paced>, at: number): boolean {
  const day = Math.floor(at / DAY_MS)
  const isNext = known.day !== null && day > known.day
  const isTold = isNext && known.isWhole
  if (isTold) pace(llms, profileOf(known.counts), day * DAY_MS, at)
  if (isNext) {
    known.counts = known.isWhole ? known.counts.map((count) => Math.floor(count * KEPT)) : noCounts()
    known.isWhole = true
  }
  known.day = day
  known.counts[hourOf(at)]! += ONE
  return isTold
}

function pace(llms: Iterable<Paced>, profile: Profile, from: number, now: number): void {
  for (const { account } of llms)
    for (const ledger of account.ledgers) if (isPaced(ledger.limit)) paceAnew(ledger, profile, from, now)
}
