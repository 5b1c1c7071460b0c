import type { Cost } from '../limits/account.ts'
import type { Stock } from '../queue/flows.ts'
import type { Offer } from './choose.ts'

/** What the plan says of the requests of one shape, by LLM. */
export interface Quota {
  readonly stock: Stock
  /** What each LLM offers a request from the middle of the shape, and its score if it could start at once. */
  readonly offers: readonly Offer[]
  readonly scores: readonly number[]
  /** By LLM, what such a request takes there; undefined where none may go. */
  readonly costs: readonly (Cost | undefined)[]
  /**
   * For each offer, the part of patient requests that should take it; null of others, and where no plan was made for
   * them yet.
   */
  readonly shares: readonly number[] | null
  /** How many may go there now: all but those that do better to wait for another. */
  readonly may: number[]
  /** How many it should take. */
  readonly left: number[]
}

/** Shares are fractions of requests; from here on a request counts as one of the LLM's own. */
export const OWN_FROM = 0.5

/** Whether one of these that waits may go to an LLM now. */
export function mayTake({ stock, may }: Quota, llm: number): boolean {
  return stock.count > 0 && may[llm]! >= OWN_FROM
}

/** How many of those that wait an LLM should take. */
export function ownOf({ stock, left }: Quota, llm: number): number {
  return Math.max(0, Math.min(stock.count, Math.round(left[llm]!)))
}
