import type { Event } from '../../src/core/events.ts'
import { GUARD_MS, type Limit, type LlmSpec } from '../../src/core/types.ts'

interface Call {
  readonly llm: string
  readonly from: number
  to: number
  /** Until when the provider takes it to be under way: for a while after it was cut off. */
  leftAt: number
  input: number
  output: number
  /** Whether it reached the provider at all. */
  counted: boolean
}

/** Turned away, so that no tokens are booked for it. */
const TURNED_AWAY = new Set([
  'rate_limited',
  'overloaded',
  'bad_request',
  'unauthorized',
  'not_found',
  'too_large',
])

/**
 * What providers with counters of their own would have complained of, having seen the calls of a log: each limit is
 * checked over every window that begins or ends with a booking, with tokens booked when a call starts and when it
 * ends. Requests travel for up to 499 ms, each for another time. A place is left when a call ends, or the guard after it was cut off.
 */
export function overrunsOf(events: readonly Event[], specs: readonly LlmSpec[]): string[] {
  const calls = callsOf(events)
  return specs.flatMap((spec) =>
    spec.limits.flatMap((limit) => {
      const sharing = specs.filter(({ name, limits }) =>
        limits.some(
          (other) => name === spec.name || (limit.shared !== null && other.shared === limit.shared),
        ),
      )
      const own = calls.filter(({ llm }) => sharing.some(({ name }) => name === llm))
      const most = limit.unit === 'concurrency' ? mostAtOnce(own) : fullest(own, limit)
      return most > limit.amount ? [`${spec.name}: ${most} of ${limit.name} ${limit.amount}`] : []
    }),
  )
}

function callsOf(events: readonly Event[]): Call[] {
  const open = new Map<string, Call>()
  const calls: Call[] = []
  for (const event of events) {
    const call = open.get(event.request ?? '')
    if (event.type === 'request.dispatched') {
      const { input_tokens: input, output_tokens: output } = event.data.reserved
      const fresh = {
        llm: event.llm!,
        from: event.at,
        to: event.at,
        leftAt: Number.POSITIVE_INFINITY,
        input,
        output,
        counted: true,
      }
      open.set(event.request!, fresh)
      calls.push(fresh)
    }
    if (call === undefined || !/^(attempt\.(finished|failed)|request\.abandoned)$/.test(event.type)) continue
    open.delete(event.request!)
    call.to = event.at
    call.leftAt = event.at + (isCutBy(event) ? GUARD_MS : 0)
    if (event.type === 'attempt.finished' && event.data.usage !== null) {
      call.input = event.data.usage.input_tokens
      call.output = event.data.usage.output_tokens
    }
    if (event.type !== 'attempt.failed') continue
    call.counted = event.data.class !== 'unreachable'
    if (TURNED_AWAY.has(event.data.class) || !call.counted) Object.assign(call, { input: 0, output: 0 })
  }
  return calls
}

function isCutBy(event: Event): boolean {
  if (event.type === 'attempt.failed') return /^(timeout|interrupted)$/.test(event.data.class)
  return event.type === 'request.abandoned'
}

function fullest(calls: readonly Call[], { unit, perMs }: Limit): number {
  const amountOf = ({ input, output, counted }: Call) => {
    if (!counted) return 0
    if (unit === 'requests') return 1
    return unit === 'tokens' ? input + output : unit === 'input_tokens' ? input : output
  }
  const stamps = unit === 'requests' ? (['from'] as const) : (['from', 'to'] as const)
  return Math.max(
    0,
    ...stamps.flatMap((stamp) => {
      const bookings = calls.map((call, i) => ({
        at: call[stamp] + ((i * 197) % 500),
        amount: amountOf(call),
      }))
      return bookings.map(({ at: from }) =>
        bookings
          .filter(({ at }) => at >= from && at < from + perMs)
          .reduce((sum, { amount }) => sum + amount, 0),
      )
    }),
  )
}

function mostAtOnce(calls: readonly Call[]): number {
  const underWay = (at: number) => calls.filter(({ from, leftAt }) => from <= at && at < leftAt).length
  return Math.max(0, ...calls.map(({ from }) => underWay(from)))
}
