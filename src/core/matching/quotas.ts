import { ALIKE, isOpen } from './choose.ts'
import type { Dispatcher, Ports } from '../dispatch-state.ts'
import { emptyQuota, makeQuotas } from './make-quotas.ts'
import type { Menu } from './menu.ts'
import type { Pending } from '../queue/queue.ts'
import { OWN_FROM, type Quota } from './quota.ts'
import type { Round } from './round.ts'

/** The plan for what waits: which LLMs requests of a shape may go to now, and how many each should take. */
export interface Quotas {
  readonly at: number
  /** Requests that waited when the plan was made. */
  readonly size: number
  /** By how many requests the queue may grow or shrink until the plan is made anew. */
  readonly drift: number
  /** When all of them could have been started. */
  readonly endsAt: number
  readonly all: Quota[]
  /** How many of all that wait each LLM should take, about: nobody counts those that leave for another reason. */
  readonly backlogs: number[]
  /** By LLM; worked out when it is needed. */
  readonly menus: (Menu | undefined)[]
}

/** A shorter queue is looked at request by request. */
const PLANNED_FROM = 20
/** A plan is kept until the queue is this short, so that none is made again and again around that length. */
const PLANNED_TO = 10
/** A plan is made anew after this time, or a sixteenth of the time that it covers. */
const STALE_MS = 20_000
const STALE_PART = 16

/** Whether a newcomer goes behind others who are planned. */
export function isLong({ quotas, queue }: Dispatcher): boolean {
  return quotas !== null || queue.byId.size >= PLANNED_FROM
}

/** The plan for the queue as it is; null when it is too short for one. A new one concerns all LLMs. */
export function planFor(round: Round): Quotas | null {
  const { state, ports, at } = round
  dropStale(state, at)
  if (state.quotas !== null || state.queue.byId.size < PLANNED_FROM) return state.quotas
  const quotas = makeQuotas(round)
  state.quotas = quotas
  for (const quota of quotas.all) quota.stock.quota = quota
  for (const llm of ports.views.keys()) state.news.add(llm)
  return quotas
}

/** Drops a plan that no longer suits the queue. */
function dropStale(state: Dispatcher, at: number): void {
  const { quotas } = state
  if (quotas === null) return
  const { size } = state.queue.byId
  const staleAt = quotas.at + Math.max(STALE_MS, (quotas.endsAt - quotas.at) / STALE_PART)
  if (at >= staleAt || size < PLANNED_TO || Math.abs(size - quotas.size) > quotas.drift) dropPlan(state)
}

/** Drops the plan, because something happened that it did not foresee. */
export function dropPlan(state: Dispatcher): void {
  const { quotas } = state
  if (quotas === null) return
  state.quotas = null
  state.endsAt = quotas.endsAt
  state.news.clear()
  const { stocks } = state.queue
  for (const [key, stock] of stocks) {
    stock.quota = null
    if (stock.count === 0) stocks.delete(key)
  }
}

/**
 * Notes the LLMs whose status is another than when they were last looked at. One that cools down or comes back from it
 * changes what the plan was made for.
 */
export function notice(state: Dispatcher, { views }: Pick<Ports, 'views'>): void {
  if (state.quotas === null) return
  for (const [llm, view] of views.entries()) {
    const before = state.seen[llm]!
    if (view.status === before) continue
    state.seen[llm] = view.status
    state.news.add(llm)
    if (isOpen(view) !== isOpen({ status: before })) return dropPlan(state)
  }
}

/** Where a newcomer is expected to go, and the score of that. */
interface Expectation {
  readonly llm: number
  readonly score: number
}

/**
 * Adds a request to the plan that has begun to wait. A patient one is shared out as others of its shape were. Else it
 * may go wherever it would not do better to wait for the LLM that it is expected to go to, and counts for that one.
 * Anywhere, where nothing is expected.
 */
export function addToPlan(round: Round, pending: Pending, best: Expectation | null): void {
  const { quotas } = round.state
  if (quotas === null) return
  const quota = quotaFor(round, quotas, pending)
  if (quota.shares !== null) return addShares(quotas, quota)
  const { offers, scores, may, left } = quota
  for (let i = 0; i < offers.length; i++) {
    const { llm } = offers[i]!
    if (best !== null && llm !== best.llm && best.score > scores[i]! + ALIKE) continue
    may[llm] = may[llm]! + 1
  }
  if (best === null) return
  left[best.llm] = left[best.llm]! + 1
  quotas.backlogs[best.llm] = quotas.backlogs[best.llm]! + 1
}

function addShares({ backlogs }: Quotas, { offers, scores, shares, may, left }: Quota): void {
  for (const [o, { llm }] of offers.entries()) {
    let waiting = 0
    for (const [i, share] of shares!.entries()) if (scores[i]! > scores[o]! + ALIKE) waiting += share
    may[llm] = may[llm]! + 1 - waiting
    left[llm] = left[llm]! + shares![o]!
    backlogs[llm] = backlogs[llm]! + shares![o]!
  }
}

function quotaFor(round: Round, { all }: Quotas, pending: Pending): Quota {
  const { stock } = pending.place!.lane.kind
  if (stock.quota !== null) return stock.quota
  const quota = emptyQuota(round, stock, pending)
  all.push(quota)
  stock.quota = quota
  return quota
}

/** Notes that an LLM took a request; one that it was not to take it takes from the one with most left. */
export function takeFromPlan({ backlogs }: Quotas, { left, may }: Quota, llm: number): void {
  may[llm] = may[llm]! - 1
  let from = llm
  if (left[llm]! < OWN_FROM) for (let i = 0; i < left.length; i++) if (left[i]! > left[from]!) from = i
  left[from] = left[from]! - 1
  backlogs[from] = backlogs[from]! - 1
}
