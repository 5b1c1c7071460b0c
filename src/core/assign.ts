import { amountOf, type Block, blockOf, type Cost, fits, LEAST } from './account.ts'
import { choose, costOn, isOpen, type LlmView } from './choose.ts'
import type { Dispatcher, Ports } from './dispatch-state.ts'
import { dequeue, inOrder, nextDeadline, type Pending, takeExpired } from './queue.ts'

/** What is known during one round of assignments: room only shrinks while it lasts. */
interface Round {
  readonly ports: Ports
  readonly at: number
  /** For each LLM, whether it has room for anything at all. */
  readonly hasRoom: boolean[]
  /** For each LLM, the least costs it had no room for: of two, neither asks for more in everything. */
  readonly passed: Cost[][]
}

/**
 * Hands out all room there is: each waiting request in order goes to the best LLM that has room for it; one that
 * fits nowhere is passed over. Every LLM that had to pass one over is told for which cost, so that it wakes when
 * that fits. O(waiting x LLMs); a request that asks for no less than one passed over before costs a comparison.
 */
export function assign(state: Dispatcher, ports: Ports, at: number): void {
  // A request may still start at the very instant of its deadline: one that may not wait is not refused for that.
  for (const pending of takeExpired(state.queue, at - 1)) expire(ports, pending, at)
  if (state.queue.size > 0) assignRoom(state, ports, at)
  for (const pending of takeExpired(state.queue, at)) expire(ports, pending, at)
}

/**
 * For a newcomer at the end of the queue. As long as no timer is due, those before it still fit nowhere, so that it
 * alone is looked at. O(LLMs).
 */
export function assignLast(state: Dispatcher, ports: Ports, pending: Pending, at: number): void {
  if (nextDeadline(state.queue) <= at || ports.views.some(({ wakeAt }) => wakeAt <= at))
    return assign(state, ports, at)
  const round = createRound(ports, at)
  const among = candidatesOf(pending, ports)
  if (!among.some((i) => hasRoomFor(round, i, pending))) return tellFull(round)
  dequeue(state.queue, pending)
  dispatch(state, ports, pending, among, at)
  assign(state, ports, at)
}

function createRound(ports: Ports, at: number): Round {
  const hasRoom = ports.views.map((view) => isOpen(view) && fits(view.account, LEAST, at))
  return { ports, at, hasRoom, passed: ports.views.map(() => []) }
}

function assignRoom(state: Dispatcher, ports: Ports, at: number): void {
  const round = createRound(ports, at)
  const { hasRoom } = round
  for (const pending of inOrder(state.queue)) {
    const among = candidatesOf(pending, ports)
    if (!among.some((i) => hasRoomFor(round, i, pending))) continue
    dequeue(state.queue, pending)
    dispatch(state, ports, pending, among, at)
    const { llm } = state.running.get(pending.id)!
    hasRoom[llm] = isOpen(ports.views[llm]!) && fits(ports.views[llm]!.account, LEAST, at)
  }
  tellFull(round)
}

/** Whether LLM `i` has room for a waiting request; when not, its cost is noted. */
function hasRoomFor(round: Round, i: number, pending: Pending): boolean {
  const view = round.ports.views[i]!
  if (!isOpen(view)) return false
  const cost = costOn(view, pending)
  const passed = round.passed[i]!
  if (passed.some((less) => isAtMost(view, less, cost))) return false
  if (round.hasRoom[i] && fits(view.account, cost, round.at)) return true
  const least = passed.filter((other) => !isAtMost(view, cost, other))
  if (least.length < LEAST_COSTS_MAX) round.passed[i] = [...least, cost]
  return false
}

/** Only limits on input and output tokens side by side can have more than one least cost, and then not many. */
const LEAST_COSTS_MAX = 32

/** Whether `less` asks for no more than `cost` of any limit of the LLM. */
function isAtMost({ spec }: LlmView, less: Cost, cost: Cost): boolean {
  for (const { unit } of spec.limits) if (amountOf(unit, less) > amountOf(unit, cost)) return false
  return true
}

/** Tells each LLM the cost, among those it had no room for, that it will have room for first. */
function tellFull({ ports, passed, at }: Round): void {
  for (const [i, costs] of passed.entries()) {
    const view = ports.views[i]!
    let first: Cost | null = null
    let until = Number.POSITIVE_INFINITY
    for (const cost of costs) {
      const fitsAt = blockOf(view.account, cost, at)?.until ?? at
      if (first !== null && fitsAt >= until) continue
      first = cost
      until = fitsAt
    }
    const wakesInTime = view.status === 'exhausted' && view.wakeAt <= until
    if (first !== null && !wakesInTime) ports.tell(i, { type: 'full', cost: first, at })
  }
}

/** Reserves and starts an attempt on the best of `among` that has room; false when none has. */
export function dispatch(
  state: Dispatcher,
  ports: Ports,
  pending: Pending,
  among: readonly number[],
  at: number,
): boolean {
  const { best, cost, candidates } = choose(ports.views, among, pending, pending.weights, at)
  if (best === null || cost === null) return false
  const attempt = ++pending.attempts
  const key = `${pending.id}#${attempt}`
  const waitMs = at - pending.at
  ports.decide('request.dispatched', pending.id, ports.views[best]!.spec.name, {
    attempt,
    reserved: {
      input_tokens: cost.inputTokens,
      output_tokens: cost.outputTokens,
    },
    wait_ms: waitMs,
    waited_for: pending.waitingFor,
    candidates,
  })
  ports.tell(best, { type: 'reserve', key, cost, at })
  state.running.set(pending.id, { pending, llm: best, key, cost, waitMs })
  return true
}

/** The LLMs a request may go to now: for `auto`, a simulated one only while no real one can be reached. */
export function candidatesOf(pending: Pending, ports: Pick<Ports, 'views'>): readonly number[] {
  const left =
    pending.excluded.size === 0 ? pending.eligible : pending.eligible.filter((i) => !pending.excluded.has(i))
  if (!pending.auto) return left
  const real = left.filter((i) => ports.views[i]!.spec.apiType !== 'simulated')
  return real.length < left.length && real.some((i) => ports.views[i]!.reachable) ? real : left
}

function expire(ports: Ports, pending: Pending, at: number): void {
  const { waitingFor, etaMs } = waitOf(ports, pending, at)
  ports.decide('request.expired', pending.id, null, {
    wait_ms: at - pending.at,
    waited_for: pending.waitingFor ?? waitingFor,
    retry_after_ms: etaMs,
  })
}

/** What keeps a request waiting. */
export interface Wait {
  /** The limits of the LLMs it may go to, the one that gives room first in front. */
  readonly waitingFor: string
  /** When the first of them gives room, if nothing else happens; null when no timer can tell. */
  readonly etaMs: number | null
}

/** More names than these tell a person nothing. */
const NAMED_MAX = 3

/** Why no LLM takes the request now, and for how long. */
export function waitOf(ports: Pick<Ports, 'views'>, pending: Pending, at: number): Wait {
  const blocks = candidatesOf(pending, ports).flatMap((i) => blockBy(ports.views[i]!, pending, at) ?? [])
  blocks.sort((a, b) => (a.until === b.until ? 0 : a.until - b.until))
  const names = blocks.slice(0, NAMED_MAX).map(({ limit, llm }) => `${limit} of ${llm}`)
  const until = blocks[0]?.until ?? Number.POSITIVE_INFINITY
  return {
    waitingFor: names.length === 0 ? 'its turn' : names.join(' or '),
    etaMs: Number.isFinite(until) ? Math.max(0, until - at) : null,
  }
}

function blockBy(view: LlmView, pending: Pending, at: number): (Block & { llm: string }) | null {
  const { status, because, wakeAt, account, spec } = view
  if (status === 'disabled') return null
  const block = isOpen(view)
    ? blockOf(account, costOn(view, pending), at)
    : { limit: `recovery (${because ?? status})`, until: wakeAt }
  return block && { ...block, llm: spec.name }
}
