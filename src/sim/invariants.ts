import type { Policy } from '../core/dispatch-state.ts'
import type { Event, EventOf } from '../core/events.ts'
import type { Provider } from './provider.ts'
import { createRequestBook, type RequestBook } from './request-book.ts'
import type { Observer, World } from './world.ts'

/** What must hold in every world, after every event. */
export const INVARIANTS = [
  'no bug: no actor crashed',
  'sequence: no gap, and time never goes back',
  'one end: every request goes its way, step by step, to exactly one end',
  'slots: at most as many calls under way as declared, never fewer than none',
  'bounds: nothing is queued beyond the bounds of the queue',
  'pauses: no call to an LLM that is cooling or disabled, or before the time its provider named',
  'conservation: who came in waits, runs or has ended',
  'limits: no limit that was declared rightly is exceeded',
  'rest: in the end nothing waits, runs or is held, and every LLM is back',
  'calm: what comes in once nothing goes wrong any more is answered',
  'capacity: after a rest of one window all room is back',
  'progress: the world comes to rest',
  'repeatable: the same seed gives the same log',
] as const
export type Invariant = (typeof INVARIANTS)[number] extends infer T
  ? T extends `${infer N}: ${string}`
    ? N
    : never
  : never

export interface Violation {
  readonly invariant: Invariant
  readonly message: string
}

/** Looks on and remembers the first violation. */
export interface Checker extends Observer {
  readonly violation: Violation | null
  readonly book: RequestBook
  /** Checks what must hold once nothing is left to happen. */
  rested(world: World): void
  violated(invariant: Invariant, message: string): void
}

export function createChecker(policy: Policy): Checker {
  const book = createRequestBook(graceMs(policy))
  const pauses = createPauses()
  const concurrency = new Map(policy.specs.map((spec) => [spec.name, concurrencyOf(spec)]))
  let violation: Violation | null = null
  let [seq, at] = [0, 0]

  const violated = (invariant: Invariant, message: string) => {
    violation ??= { invariant, message }
  }
  const demand = (invariant: Invariant, message: string | null) => {
    if (message !== null) violated(invariant, message)
  }

  function event(event: Event): void {
    const gap = event.seq === seq + 1 ? null : `${seq} is followed by ${event.seq}`
    demand('sequence', event.at < at ? `time goes back by ${at - event.at} ms` : gap)
    seq = event.seq
    at = event.at
    if (event.type === 'llm.crashed') violated('no bug', event.data.message)
    demand('one end', book.take(event))
    demand('pauses', pauses.take(event))
    if (event.type === 'request.queued') demand('bounds', overflow(book, policy))
    if (event.type !== 'request.dispatched') return
    const { llm } = event
    const slots = book.slots(llm!)
    if (slots > concurrency.get(llm!)!) violated('slots', `${slots} calls under way at ${llm}`)
  }

  function turn(world: World): void {
    for (const message of world.fatal) violated('no bug', message)
    for (const { name } of policy.specs)
      if (book.slots(name) < 0) violated('slots', `${book.slots(name)} calls under way at ${name}`)
    for (const provider of world.providers) demand('limits', exceeded(provider))
    if (world.life.up) demand('conservation', imbalance(book, world))
  }

  function rested(world: World): void {
    const { life, providers } = world
    const { queue, running } = life.balancer.state
    const numbers: readonly (readonly [string, number])[] = [
      ['requests not ended', book.live],
      ['requests waiting', queue.byId.size],
      ['bytes waiting', queue.bytes],
      ['requests running', running.size],
      ...policy.specs.map(({ name }) => [`calls under way at ${name}`, book.slots(name)] as const),
      ...providers.map(
        ({ spec, quota }) => [`calls open at the provider of ${spec.llm}`, quota.active] as const,
      ),
      ...life.balancer.views.map(
        ({ spec, status }) =>
          [`${spec.name} is ${status}`, Number(status !== 'available' && status !== 'disabled')] as const,
      ),
    ]
    for (const [what, number] of numbers) if (number !== 0) violated('rest', `${what}: ${number}`)
  }

  return {
    book,
    event,
    turn,
    rested,
    violated,
    get violation() {
      return violation
    },
  }
}

/** A request whose call outlasts its deadline may be tried at as many LLMs as may fail it. */
function graceMs({ specs, maxAttempts }: Policy): number {
  const longest = specs.reduce(
    (most, { firstByteTimeoutMs, idleTimeoutMs }) => Math.max(most, firstByteTimeoutMs + idleTimeoutMs),
    0,
  )
  return (maxAttempts + 1) * (longest + STREAM_MS_MAX)
}

/** No answer of a world that is checked is streamed for longer. */
const STREAM_MS_MAX = 60_000

function concurrencyOf({ limits }: Policy['specs'][number]): number {
  return limits.find(({ unit }) => unit === 'concurrency')?.amount ?? Number.POSITIVE_INFINITY
}

function overflow(book: RequestBook, { maxRequests, maxBytes }: Policy): string | null {
  if (book.waiting > maxRequests) return `${book.waiting} requests wait, of ${maxRequests} that may`
  return book.waitingBytes > maxBytes ? `${book.waitingBytes} bytes wait, of ${maxBytes} that may` : null
}

function imbalance({ live }: RequestBook, { life }: World): string | null {
  const { queue, running } = life.balancer.state
  const owned = queue.byId.size + running.size
  return live === owned ? null : `${live} requests have not ended, ${owned} wait or run`
}

function exceeded({ spec, refusals, quota }: Provider): string | null {
  for (const { name, amount, unit, promised } of spec.limits) {
    if (!promised) continue
    if (refusals.has(name)) return `the provider of ${spec.llm} refused a call: ${name}, ${amount} ${unit}`
    if (quota.overruns.has(name)) return `${spec.llm} used more than the ${amount} ${unit} of ${name}`
  }
  return null
}

/** Failures after which the provider's word on when to come back is kept. */
const ASKS_FOR_TIME: ReadonlySet<string> = new Set(['rate_limited', 'overloaded', 'quota_exhausted'])

/** When each LLM may be called again, as the log tells it. */
function createPauses(): { take(event: Event): string | null } {
  const closed = new Set<string>()
  const notBefore = new Map<string, number>()
  const ask = ({ llm, at, data }: EventOf<'attempt.failed'>) => {
    if (data.retry_after_ms === null || !ASKS_FOR_TIME.has(data.class)) return
    notBefore.set(llm!, Math.max(notBefore.get(llm!) ?? 0, at + data.retry_after_ms))
  }
  return {
    take(event) {
      const { llm } = event
      switch (event.type) {
        case 'llm.cooling':
        case 'llm.disabled':
          closed.add(llm!)
          return null
        case 'llm.available':
          closed.delete(llm!)
          return null
        case 'attempt.failed':
          ask(event)
          return null
        case 'request.dispatched':
          if (closed.has(llm!)) return `a call to ${llm}, which is not available`
          return event.at < (notBefore.get(llm!) ?? 0) ? `a call to ${llm} before the time it named` : null
        default:
          return null
      }
    },
  }
}
