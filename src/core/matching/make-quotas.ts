import type { Cost } from '../limits/account.ts'
import { ALIKE, type Offer, offersOf, scoreOf } from './choose.ts'
import { dueOf } from './due.ts'
import type { Stock } from '../queue/flows.ts'
import { type Group, groupsOf } from './groups.ts'
import { isPatient } from './patient.ts'
import { cheapestOf, planOf } from './plan.ts'
import type { Pending } from '../queue/queue.ts'
import { mayTake, type Quota } from './quota.ts'
import type { Quotas } from './quotas.ts'
import { candidatesOf, type Round, servedAt } from './round.ts'
import type { Shape } from '../queue/shape.ts'
import { letsThrough, optionOf } from './through.ts'

/** A plan may be off by the queue growing or shrinking by an eighth, and by what the making of it is worth. */
const DRIFT_PART = 8

/**
 * The plan for what waits now. Patient requests go where the least is lost while all are in time. With that settled,
 * the others go where all is done as early as possible. O(rounds of planning x shapes x LLMs x limits).
 */
export function makeQuotas(round: Round): Quotas {
  const { state, ports, at } = round
  const all = quotasOf(round, groupsOf(state.queue))
  const parts = all.flatMap(partsOf)
  const { horizonMs, shares } = planOf(
    parts.map(({ count, offers }) => ({
      count,
      options: offers.map((offer) => optionOf(ports.views, offer)),
    })),
    (ms) => ports.views.map(({ account }) => account.ledgers.map((ledger) => letsThrough(ledger, at, ms))),
    Math.max(0, state.endsAt - at),
  )
  const backlogs = Array<number>(ports.views.length).fill(0)
  for (const [i, { quota, count, offers }] of parts.entries()) {
    for (const [o, { llm }] of offers.entries()) {
      quota.left[llm] = shares[i]![o]! * count
      backlogs[llm] = backlogs[llm]! + quota.left[llm]
    }
  }
  const { size } = state.queue.byId
  const pairs = parts.reduce((sum, { offers }) => sum + offers.length, 0)
  const drift = Math.max(Math.floor(size / DRIFT_PART), Math.floor(pairs / DRIFT_PART))
  return { at, size, drift, endsAt: at + horizonMs, all, backlogs, menus: [] }
}

/** Requests of one shape that are still to be shared out among these LLMs. */
interface Part {
  readonly quota: Quota
  readonly count: number
  readonly offers: readonly Offer[]
}

function partsOf(quota: Quota): Part[] {
  const { stock, offers, shares, left } = quota
  if (shares === null)
    return [{ quota, count: stock.count, offers: offers.filter(({ llm }) => mayTake(quota, llm)) }]
  return offers.flatMap((offer) =>
    left[offer.llm]! > 0 ? [{ quota, count: left[offer.llm]!, offers: [offer] }] : [],
  )
}

/** Where the requests of each group may go, and where patient ones should. */
function quotasOf(round: Round, groups: readonly Group[]): Quota[] {
  const empty = groups.map(({ stock, head }) => emptyQuota(round, stock, head))
  if (!groups.some(({ head }) => isPatient(head.weights)))
    return empty.map((quota, i) => withExpected(round, groups[i]!, quota))
  const shares = cheapestOf(dueOf(round, groups, empty))
  return empty.map((quota, i) => {
    if (!isPatient(groups[i]!.head.weights)) return withExpected(round, groups[i]!, quota)
    return withShares({ ...quota, shares: shares[i]! })
  })
}

/** How many of a group each LLM may take now: those that are expected to go to a better one wait for it. */
function withExpected(round: Round, { head, band, expected }: Group, quota: Quota): Quota {
  const later = quota.offers
    .filter(({ llm }) => (expected[llm] ?? 0) > 0)
    .map((offer) => ({
      llm: offer.llm,
      count: expected[offer.llm]!,
      score: scoreOf(offer, head, round.at, servedAt(round, band, head, offer)),
    }))
  return allow(quota, later)
}

/** The same for patient requests: those that should go to a better one wait for it. */
function withShares(quota: Quota): Quota {
  const { stock, offers, scores, shares, left } = quota
  const later = offers.map(({ llm }, o) => ({ llm, count: shares![o]! * stock.count, score: scores[o]! }))
  for (const { llm, count } of later) left[llm] = count
  return allow(quota, later)
}

/** Requests that go to an LLM later, with the score that they have there then. */
interface Later {
  readonly llm: number
  readonly count: number
  readonly score: number
}

function allow(quota: Quota, later: readonly Later[]): Quota {
  const { stock, offers, scores, may } = quota
  for (const [o, offer] of offers.entries()) {
    let waiting = 0
    for (const { llm, count, score } of later)
      if (llm !== offer.llm && score > scores[o]! + ALIKE) waiting += count
    may[offer.llm] = stock.count - waiting
  }
  return quota
}

/** A request from the middle of its shape: sizes in one class differ by up to a quarter. */
function middleOf({ inputTokens, outputTokens, choices, client }: Shape) {
  const middle = (least: number) => least + Math.floor(least / 11)
  return {
    inputTokens: middle(inputTokens),
    outputTokens: outputTokens === null ? null : middle(outputTokens),
    choices,
    client,
  }
}

/** A quota for nobody. A simulated LLM offers nothing to requests of a shape while they may not go there. */
export function emptyQuota({ ports, at }: Round, stock: Stock, head: Pending): Quota {
  const none = Array<number>(ports.views.length).fill(0)
  const offers = offersOf(ports.views, candidatesOf(head, ports), middleOf(stock.shape))
  const scores = offers.map((offer) => scoreOf(offer, head, at, at))
  const costs: Cost[] = []
  for (const { llm, cost } of offers) costs[llm] = cost
  return { stock, offers, scores, costs, shares: null, may: none, left: [...none] }
}
