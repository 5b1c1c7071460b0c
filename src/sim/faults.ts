import type { Failure } from '../core/events.ts'
import type { Random } from '../core/random.ts'
import { classify } from '../upstream/failure.ts'
import { networkFailure } from '../upstream/transport.ts'
import { chance } from './draw.ts'
import type { TrueLimit } from './quota.ts'

/** What can go wrong with a call apart from its limits. */
export const FAULTS = [
  /** Nobody listens. */
  'refused',
  /** The connection breaks before the answer begins, or within it. */
  'reset_before',
  'reset_after',
  /** No answer ever, or one that stops half-way. */
  'hang',
  'stall',
  'error_500',
  'overloaded_503',
  'overloaded_529',
  'unauthorized',
] as const
export type Fault = (typeof FAULTS)[number]

/** A time in which a share of the calls meets a fault. */
export interface FaultPeriod {
  readonly fault: Fault
  /** From the beginning of the world on, in ms. */
  readonly fromMs: number
  readonly toMs: number
  readonly permille: number
}

/** The fault that a call beginning at `sinceStartMs` meets; the first period that strikes counts. */
export function faultAt(periods: readonly FaultPeriod[], sinceStartMs: number, random: Random): Fault | null {
  for (const { fault, fromMs, toMs, permille } of periods)
    if (sinceStartMs >= fromMs && sinceStartMs < toMs && chance(permille, random)) return fault
  return null
}

/** What the provider says of a refusal: how long to wait, in which header, or nothing. */
export const HINTS = ['seconds', 'milliseconds', 'none'] as const
export type Hint = (typeof HINTS)[number]

/** A refusal as the upstream adapters describe it. `waitMs` is Infinity when the provider cannot tell. */
export function rateLimited(limit: TrueLimit, waitMs: number, hint: Hint, now: number): Failure {
  const headers = new Headers()
  if (Number.isFinite(waitMs)) {
    if (hint === 'seconds') headers.set('retry-after', String(Math.ceil(waitMs / 1000)))
    if (hint === 'milliseconds') headers.set('retry-after-ms', String(waitMs))
  }
  const message = `Rate limit reached for ${limit.name}: ${limit.amount} ${limit.unit}.`
  return classify(429, headers, errorBody('rate_limit_exceeded', message), now)
}

export function tooLarge(limit: TrueLimit, now: number): Failure {
  const message = `Request too large for ${limit.name}: ${limit.amount} ${limit.unit}.`
  return classify(413, new Headers(), errorBody('rate_limit_exceeded', message), now)
}

const STATUS_OF = { error_500: 500, overloaded_503: 503, overloaded_529: 529, unauthorized: 401 } as const

/** The failure that a fault with a status of its own leads to. */
export function statusFailure(fault: keyof typeof STATUS_OF, hint: Hint, now: number): Failure {
  const overloaded = fault === 'overloaded_503' || fault === 'overloaded_529'
  const headers = new Headers(overloaded && hint !== 'none' ? { 'retry-after': '1' } : {})
  return classify(STATUS_OF[fault], headers, errorBody(fault, `The provider says ${fault}.`), now)
}

/** A connection that was refused, or broke. */
export function connectionFailure(code: 'ECONNREFUSED' | 'ECONNRESET'): Failure {
  return networkFailure(Object.assign(new Error(code), { code }))
}

/** A timer of the balancer struck. */
export function timeoutFailure(missing: string, ms: number): Failure {
  const message = `${missing} within ${ms} ms`
  return { class: 'timeout', status: null, message, retry_after_ms: null, limit: null }
}

function errorBody(code: string, message: string): string {
  return JSON.stringify({ error: { message, type: code, code } })
}
