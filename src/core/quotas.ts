import { amountOf, type Cost } from './account.ts'
import { ALIKE, type LlmView, type Offer, offersOf, scoreOf } from './choose.ts'
import type { Lane } from './flows.ts'
import type { Ledger } from './ledger.ts'
import { planOf } from './plan.ts'
import type { Dispatcher } from './dispatch-state.ts'
import type { Pending, Queue } from './queue.ts'
import { offersFor, type Round, servedAt } from './round.ts'
import type { Shape } from './shape.ts'
import { capacityOf, type Limit } from './types.ts'
import { windowOf } from './window.ts'

/** The plan for what waits: which LLMs requests of a shape may go to now, and how many each should take. */
export interface Quotas {
  readonly at: number
  /** Requests that waited when the plan was made. */
  readonly size: number
  /** By how many requests the queue may grow or shrink until the plan is made anew. */
  readonly drift: number
  /** When all of them could have been started. */
  readonly endsAt: number
  readonly byShape: ReadonlyMap<string, Quota>
}

/** By LLM. */
export interface Quota {
  /** How many may go there now: all but those that do better to wait for another. */
  readonly may: number[]
  /** How many it should take. */
  readonly left: number[]
}

/** A queue this short is looked at request by request. */
const PLANNED_FROM = 20
/** A plan is made anew when this much time has passed, or the queue has grown or shrunk by an eighth and more than the plan is worth. */
const STALE_MS = 20_000

/** The plan for the queue as it is; null when it is too short for one. */
export function quotasFor(round: Round): Quotas | null {
  const { state, at } = round
  dropStale(state, at)
  if (state.queue.byId.size < PLANNED_FROM) return null
  state.quotas ??= makeQuotas(round)
  return state.quotas
}

/** Drops a plan that no longer suits the queue; then every LLM has to be looked at again. */
export function dropStale(state: Dispatcher, at: number): void {
  const { quotas, settled } = state
  if (quotas === null) return
  const { size } = state.queue.byId
  const isFresh = at - quotas.at < STALE_MS && Math.abs(size - quotas.size) <= quotas.drift
  if (isFresh && size >= PLANNED_FROM) return
  state.quotas = null
  state.endsAt = quotas.endsAt
  settled.clear()
}

/** Of each shape that waits: how many, the first of them that is found, and in which band. */
interface Kind {
  readonly shape: Shape
  readonly band: number
  readonly head: Pending
  count: number
  readonly expected: number[]
}

function kindsOf({ bands }: Queue): Map<string, Kind> {
  const kinds = new Map<string, Kind>()
  for (const [band, { shapes, backlogged }] of bands.entries()) {
    for (const [key, { shape, count, expected }] of shapes) {
      const kind = kinds.get(key)
      if (kind === undefined) {
        kinds.set(key, { shape, band, count, expected: [...expected], head: headOf(backlogged, key) })
        continue
      }
      kind.count += count
      for (const [llm, more] of expected.entries())
        kind.expected[llm] = (kind.expected[llm] ?? 0) + (more ?? 0)
    }
  }
  return kinds
}

function headOf(flows: readonly { readonly lanes: ReadonlyMap<string, Lane> }[], key: string): Pending {
  return flows.find(({ lanes }) => lanes.has(key))!.lanes.get(key)!.heap.items[0]!
}

function makeQuotas(round: Round): Quotas {
  const { state, ports, at } = round
  const kinds = [...kindsOf(state.queue)].map(([key, kind]) => {
    const may = mayTake(round, kind)
    return { key, ...kind, may, llms: kind.shape.llms.filter((llm) => may[llm]! > 0) }
  })
  const works = kinds.map(({ shape, count, llms }) => {
    const options = offersOf(ports.views, llms, middleOf(shape)).map((offer) => optionOf(ports.views, offer))
    return { count, options }
  })
  const guessMs = Math.max(0, state.endsAt - at)
  const { horizonMs, shares } = planOf(
    works,
    (ms) => ports.views.map(({ account }) => account.ledgers.map((ledger) => letsThrough(ledger, at, ms))),
    guessMs,
  )
  const pairs = works.reduce((sum, { options }) => sum + options.length, 0)

  const byShape = new Map(
    kinds.map(({ key, count, llms, may }, i) => {
      const left = ports.views.map(() => 0)
      for (const [o, llm] of llms.entries()) left[llm] = shares[i]![o]! * count
      return [key, { may, left }]
    }),
  )
  const { size } = state.queue.byId
  const drift = Math.max(Math.floor(size / 8), Math.floor(pairs / 8))
  return { at, size, drift, endsAt: at + horizonMs, byShape }
}

/** How many of a kind each LLM may take now, by LLM: those that are expected to go to a better one wait for it. */
function mayTake(round: Round, { head, band, count, expected }: Kind): number[] {
  const { ports, at } = round
  const offers = offersFor(round, head)
  const later = offers.map((offer) =>
    (expected[offer.llm] ?? 0) === 0 ? 0 : scoreOf(offer, head, at, servedAt(round, band, head, offer)),
  )
  const may = ports.views.map(() => 0)
  for (const offer of offers) {
    const enough = scoreOf(offer, head, at, at) + ALIKE
    let waiting = 0
    for (const [o, { llm }] of offers.entries())
      if (llm !== offer.llm && later[o]! > enough) waiting += expected[llm]!
    may[offer.llm] = count - waiting
  }
  return may
}

function optionOf(views: readonly LlmView[], { llm, cost, serveMs }: Offer) {
  return { llm, units: views[llm]!.spec.limits.map((limit) => unitsOf(limit, cost, serveMs)) }
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

/** Notes a newcomer of a shape that is expected to go to an LLM. */
export function addQuota(quotas: Quotas | null, shape: Shape, llm: number): void {
  const quota = quotas?.byShape.get(shape.key)
  if (quota === undefined) return
  quota.may[llm] = quota.may[llm]! + 1
  quota.left[llm] = quota.left[llm]! + 1
}

/** Notes that an LLM took a request of a shape; one that it was not to take it takes from the one with most left. */
export function takeQuota(quotas: Quotas | null, shape: Shape, llm: number): void {
  const quota = quotas?.byShape.get(shape.key)
  if (quota === undefined) return
  const { left, may } = quota
  may[llm] = may[llm]! - 1
  let from = llm
  if (left[llm]! < OWN_FROM) for (let i = 0; i < left.length; i++) if (left[i]! > left[from]!) from = i
  left[from] = left[from]! - 1
}

/** Shares are fractions of requests; from here on a request counts as one of the LLM's own. */
export const OWN_FROM = 0.5
