import { amountOf, type Cost, freeFor } from '../limits/account.ts'
import type { LlmView } from '../matching/choose.ts'
import { type Outlook, soonestOf } from './forecast.ts'
import { nextAdmissible, underWay } from '../limits/ledger.ts'

/** Whether requests that would wait too long are refused at once; `dry_run` only notes which would be. */
export const EARLY_REFUSALS = ['on', 'off', 'dry_run'] as const
export type EarlyRefusal = (typeof EARLY_REFUSALS)[number]

/**
 * Arrivals and predicted refusals of the last 10 s, so that a wrong forecast cannot refuse everybody. Counted by
 * slots of 100 ms in a ring: the oldest slot counts for refusals alone, so that the share is never understated.
 */
export interface Refusals {
  readonly arrivals: number[]
  readonly predicted: number[]
  /** Ordinal of the latest slot. */
  slot: number
}

const WINDOW_MS = 10_000
const SLOT_MS = 100
const SLOTS = WINDOW_MS / SLOT_MS + 1
/** One in so many arrivals may be refused by prediction (the share of Finagle's `DeadlineFilter`). */
const ONE_IN = 5
/** So many always may, or a trickle of requests could never be refused. */
export const ALWAYS = 2

export function createRefusals(): Refusals {
  return { arrivals: new Array(SLOTS).fill(0), predicted: new Array(SLOTS).fill(0), slot: 0 }
}

/** Counts an arrival. Amortised O(1). */
export function noteArrival(refusals: Refusals, at: number): void {
  refusals.arrivals[slotOf(refusals, at)]!++
}

/**
 * Takes one of the refusals by prediction that are left: at most a fifth of the arrivals of the last 10 s, this one
 * included, or two. False when none is left.
 */
export function takeRefusal(refusals: Refusals, at: number): boolean {
  const slot = slotOf(refusals, at)
  const { arrivals, predicted } = refusals
  const oldest = (slot + 1) % SLOTS
  const come = sum(arrivals) - arrivals[oldest]!
  if (sum(predicted) >= Math.max(ALWAYS, Math.floor(come / ONE_IN))) return false
  predicted[slot]!++
  return true
}

/** Moves on to the slot of `at`, clearing those in between, and returns its index. */
function slotOf(refusals: Refusals, at: number): number {
  const slot = Math.max(refusals.slot, Math.floor(at / SLOT_MS))
  const passed = Math.min(SLOTS, slot - refusals.slot)
  for (let i = 0; i < passed; i++) {
    refusals.arrivals[(slot - i) % SLOTS] = 0
    refusals.predicted[(slot - i) % SLOTS] = 0
  }
  refusals.slot = slot
  return slot % SLOTS
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** A request that is not expected to start in time. */
export interface Late {
  /** When it is expected to start, in ms since 1970. */
  readonly at: number
  /** Whether no forecast is needed to tell: timers alone say so. */
  readonly isKnown: boolean
}

/** A forecast may be off by one in so many of the time it looks ahead. */
const CERTAIN_TO = 8
/** Of a client's requests the one that fits best goes first: one is overtaken by all but one in so many of them. */
const OVERTAKES = 20

/** How many of those that are due before a request are served before it at the least. */
export function leastAhead(due: number): number {
  return Math.ceil(due / OVERTAKES)
}

/**
 * Whether a request with these outlooks starts too late on every LLM that it may go to. Where others are served
 * before it, the forecast has to be beyond the deadline by more than it may be wrong. Null when it may be in time.
 */
export function latenessOf(
  views: readonly LlmView[],
  outlooks: readonly Outlook[],
  { deadline }: { readonly deadline: number },
  now: number,
): Late | null {
  const soonest = soonestOf(outlooks)
  if (soonest === null || soonest.at <= deadline) return null
  const { at } = soonest
  if (outlooks.every(({ offer }) => knownStart(views[offer.llm]!, offer.cost, now) > deadline))
    return { at, isKnown: true }
  const margin = Math.ceil((at - now) / CERTAIN_TO)
  return at > deadline + margin ? { at, isKnown: false } : null
}

/**
 * Before when an LLM cannot start a call of this cost whatever happens: by its timers, and by limits that leave no
 * room even if all that calls under way hold were given back at once. O(calls under way).
 */
function knownStart({ account, status, wakeAt }: LlmView, cost: Cost, now: number): number {
  if (status === 'disabled') return Number.POSITIVE_INFINITY
  let start = status === 'cooling' ? wakeAt : now
  for (const ledger of account.ledgers) {
    const amount = freeFor(ledger, amountOf(ledger.limit.unit, cost))
    start = Math.max(start, nextAdmissible(ledger, Math.max(0, amount - underWay(ledger)), now))
  }
  return start
}
