import { fits, LEAST } from './account.ts'
import { costOn, type LlmView } from './choose.ts'
import type { Flow } from './flows.ts'
import { roomOf } from './ledger.ts'
import type { Pending } from './queue.ts'
import { OWN_FROM, quotasFor } from './quotas.ts'
import { hasRoomFor, isBestNow, mayGo, offersFor, type Round } from './round.ts'
import { leastCostOn } from './shape.ts'
import { matchOf } from './shape-match.ts'

/** A waiting request and the LLM that takes it. */
export interface Match {
  readonly pending: Pending
  readonly llm: number
}

/** The first request of a lane, as one LLM sees it. */
interface Head extends Match {
  readonly cost: { readonly inputTokens: number; readonly outputTokens: number }
  readonly tokens: number
  /** How many of the lane the plan leaves to this LLM. */
  readonly own: number
  readonly isReady: boolean
}

/**
 * The request of a client that an LLM with room takes: one that came back from a failure, else one that the plan
 * leaves to it, else the one of all that suits best what it has left. Null when nothing fits, or all do better to wait.
 */
export function matchIn(round: Round, band: number, flow: Flow): Match | null {
  let best: (Match & { value: number }) | null = null
  for (const llm of round.open) {
    const view = round.ports.views[llm]!
    const heads = headsFor(round, band, flow, llm)
    const ready = heads.filter((head) => head.isReady)
    if (ready.length === 0) continue
    const returned = ready.find(({ pending }) => pending.attempts > 0)
    if (returned !== undefined) return returned
    const own = ready.filter((head) => head.own > 0)
    if (own.length > 0) return filling(round, view, heads, own)
    for (const { pending, cost } of ready) {
      const value = matchOf(view.account, cost, round.at)
      if (best === null || value > best.value) best = { pending, llm, value }
    }
  }
  return best
}

function headsFor(round: Round, band: number, flow: Flow, llm: number): Head[] {
  const fitting = fittingFor(round, llm)
  const heads: Head[] = []
  if (fitting.size === 0) return heads
  const quotas = quotasFor(round)
  const view = round.ports.views[llm]!
  for (const { shape, heap } of flow.lanes.values()) {
    const pending = heap.items[0]!
    const left = quotas?.byShape.get(shape.key)?.left[llm] ?? 0
    const isFit = fitting.has(shape.key) && mayGo(round, pending, llm)
    if (!isFit && left < OWN_FROM) continue
    const cost = costOn(view, pending)
    const own = left < OWN_FROM ? 0 : Math.min(Math.round(left), heap.items.length)
    const isReady =
      isFit && hasRoomFor(round, pending, llm, cost) && (quotas !== null || isBest(round, band, pending, llm))
    heads.push({ pending, llm, cost, tokens: cost.inputTokens + cost.outputTokens, own, isReady })
  }
  return heads
}

function isBest(round: Round, band: number, pending: Pending, llm: number): boolean {
  const offer = offersFor(round, pending).find((one) => one.llm === llm)
  return offer !== undefined && isBestNow(round, band, pending, offer)
}

/** The shapes of which an LLM may have room for a request, judged by their least size, and that do well to go there. */
export function fittingFor(round: Round, llm: number): ReadonlySet<string> {
  const { state, ports, at, fitting } = round
  let keys = fitting.get(llm)
  if (keys !== undefined) return keys
  keys = new Set()
  fitting.set(llm, keys)
  const view = ports.views[llm]!
  if (!fits(view.account, LEAST, at)) return keys
  const quotas = quotasFor(round)
  for (const { shapes } of state.queue.bands) {
    for (const [key, { shape }] of shapes) {
      const quota = quotas?.byShape.get(key)
      const isGood = quota === undefined ? shape.llms.includes(llm) : quota.may[llm]! > 0
      if (isGood && fits(view.account, leastCostOn(view, shape), at)) keys.add(key)
    }
  }
  return keys
}

/**
 * The largest of an LLM's own requests that still leaves tokens for as many small ones as it has requests left in
 * this window, so that both are used up together and no large request is left for a window of its own at the end.
 */
function filling(round: Round, view: LlmView, heads: readonly Head[], own: readonly Head[]): Head {
  const { tokens: room, requests, perMs } = roomIn(view, round.at)
  const backlog = heads.reduce((sum, head) => sum + head.own, 0)
  const windows = 1 + Math.floor(Math.max(0, round.state.quotas!.endsAt - round.at) / perMs)
  const slots = Math.min(requests, Math.ceil(backlog / windows))
  const most = room - tokensOfSmallest(heads, slots - 1)
  let least = own[0]!
  let largest: Head | null = null
  for (const head of own) {
    if (head.tokens < least.tokens) least = head
    if (head.tokens <= most && (largest === null || head.tokens > largest.tokens)) largest = head
  }
  return largest ?? least
}

const MINUTE_MS = 60_000

/** What is left of the scarcest limits on tokens and requests, and the window of the latter. */
function roomIn({ account }: LlmView, now: number): { tokens: number; requests: number; perMs: number } {
  const room = { tokens: Number.POSITIVE_INFINITY, requests: Number.POSITIVE_INFINITY, perMs: MINUTE_MS }
  for (const ledger of account.ledgers) {
    const { unit, perMs } = ledger.limit
    const left = roomOf(ledger, now)
    if (unit === 'concurrency') continue
    if (unit !== 'requests') room.tokens = Math.min(room.tokens, left)
    else if (left < room.requests) Object.assign(room, { requests: left, perMs })
  }
  return room
}

/** Tokens of the `count` smallest requests that are an LLM's own. */
function tokensOfSmallest(heads: readonly Head[], count: number): number {
  let left = count
  let tokens = 0
  for (const head of [...heads].sort((a, b) => a.tokens - b.tokens)) {
    if (left <= 0) break
    const taken = Math.min(left, head.own)
    tokens += taken * head.tokens
    left -= taken
  }
  return tokens
}
