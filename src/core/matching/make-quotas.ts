import { amountOf, type Cost } from '../limits/account.ts'
import { ALIKE, type LlmView, type Offer, offersOf, scoreOf } from './choose.ts'
import type { Flow, Stock } from '../queue/flows.ts'
import type { Ledger } from '../limits/ledger.ts'
import { planOf } from './plan.ts'
import type { Pending, Queue } from '../queue/queue.ts'
import type { Quota, Quotas } from './quotas.ts'
import { candidatesOf, type Round, servedAt } from './round.ts'
import type { Shape } from '../queue/shape.ts'
import { capacityOf, type Limit } from '../types.ts'
import { windowOf } from '../limits/window.ts'

/** A plan may be off by the queue growing or shrinking by an eighth, and by what the making of it is worth. */
const DRIFT_PART = 8

/** Requests of one shape when a plan is made: the first of them that is found, in which band, and what is expected. */
interface Group {
  readonly stock: Stock
  readonly band: number
  readonly head: Pending
  readonly expected: number[]
}

function groupsOf({ bands }: Queue): Group[] {
  const groups = new Map<Stock, Group>()
  for (const [band, { kinds, backlogged }] of bands.entries()) {
    for (const { stock, expected } of kinds) {
      const group = groups.get(stock)
      if (group === undefined) {
        groups.set(stock, { stock, band, expected: [...expected], head: headOf(backlogged, stock) })
        continue
      }
      for (const [llm, more] of expected.entries())
        group.expected[llm] = (group.expected[llm] ?? 0) + (more ?? 0)
    }
  }
  return [...groups.values()]
}

function headOf(flows: readonly Flow[], stock: Stock): Pending {
  return flows.find(({ lanes }) => lanes.has(stock))!.lanes.get(stock)!.heap.items[0]!
}

/** The plan for what waits now. O(rounds of planning x shapes x LLMs x limits). */
export function makeQuotas(round: Round): Quotas {
  const { state, ports, at } = round
  const groups = groupsOf(state.queue)
  const all = groups.map((group) => quotaOf(round, group))
  const mine = all.map(({ offers, may }) => offers.filter(({ llm }) => may[llm]! > 0))
  const works = mine.map((offers, i) => ({
    count: groups[i]!.stock.count,
    options: offers.map((offer) => optionOf(ports.views, offer)),
  }))
  const { horizonMs, shares } = planOf(
    works,
    (ms) => ports.views.map(({ account }) => account.ledgers.map((ledger) => letsThrough(ledger, at, ms))),
    Math.max(0, state.endsAt - at),
  )
  const backlogs = Array<number>(ports.views.length).fill(0)
  for (const [i, { stock, left }] of all.entries()) {
    for (const [o, { llm }] of mine[i]!.entries()) {
      left[llm] = shares[i]![o]! * stock.count
      backlogs[llm] = backlogs[llm]! + left[llm]
    }
  }
  const { size } = state.queue.byId
  const pairs = works.reduce((sum, { options }) => sum + options.length, 0)
  const drift = Math.max(Math.floor(size / DRIFT_PART), Math.floor(pairs / DRIFT_PART))
  return { at, size, drift, endsAt: at + horizonMs, all, backlogs, menus: [] }
}

/** How many of a group each LLM may take now: those that are expected to go to a better one wait for it. */
function quotaOf(round: Round, { stock, head, band, expected }: Group): Quota {
  const quota = emptyQuota(round, stock, head)
  const { offers, scores, may } = quota
  const later = offers
    .filter(({ llm }) => (expected[llm] ?? 0) > 0)
    .map((offer) => ({
      llm: offer.llm,
      score: scoreOf(offer, head, round.at, servedAt(round, band, head, offer)),
    }))
  for (const [i, offer] of offers.entries()) {
    let waiting = 0
    for (const { llm, score } of later)
      if (llm !== offer.llm && score > scores[i]! + ALIKE) waiting += expected[llm]!
    may[offer.llm] = stock.count - waiting
  }
  return quota
}

function optionOf(views: readonly LlmView[], { llm, cost, serveMs }: Offer) {
  return { llm, units: views[llm]!.account.ledgers.map(({ limit }) => unitsOf(limit, cost, serveMs)) }
}

function unitsOf(limit: Limit, cost: Cost, serveMs: number): number {
  return limit.unit === 'concurrency' ? serveMs : amountOf(limit.unit, cost)
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

/** What a limit lets through within a time from now: what is free, and what comes back, again and again. */
function letsThrough(ledger: Ledger, now: number, ms: number): number {
  const { limit, reserved } = ledger
  if (limit.unit === 'concurrency') return limit.amount * ms
  const periods = Math.floor(ms / limit.perMs)
  const load = windowOf(limit).loadAt(ledger, now + ms - periods * limit.perMs) + reserved
  return Math.max(0, capacityOf(limit) - load) + periods * limit.amount
}

/** A quota for nobody. A simulated LLM offers nothing to requests of a shape while they may not go there. */
export function emptyQuota({ ports, at }: Round, stock: Stock, head: Pending): Quota {
  const none = Array<number>(ports.views.length).fill(0)
  const offers = offersOf(ports.views, candidatesOf(head, ports), middleOf(stock.shape))
  const scores = offers.map((offer) => scoreOf(offer, head, at, at))
  const costs: Cost[] = []
  for (const { llm, cost } of offers) costs[llm] = cost
  return { stock, offers, scores, costs, may: none, left: [...none] }
}
