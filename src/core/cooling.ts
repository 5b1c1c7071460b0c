import type { Failure, FailureClass } from './events.ts'
import { HOUR_MS, MINUTE_MS } from './time.ts'

/** What an LLM does after a failed attempt. */
export type Reaction = { kind: 'none' } | { kind: 'cool'; ms: number } | { kind: 'disable' }

/** Pauses in ms for the first, second, ... failure in a row where the provider names no time of its own. */
const LADDER_MS = [2_000, 5_000, 15_000, 60_000]
/** Also where a provider says "at once": asking again within the same instant never helps. */
const LEAST_PAUSE_MS = 500
const MODEL_GONE_MS = 300_000
/** Failures in a row after which an LLM that answers badly, but answers, is left alone for a while. */
const PATIENCE = 3

/**
 * How an LLM answers a failure, given how many came in a row before it. A wait that the provider names is never
 * shortened. A rejected key disables; what was wrong with the request itself leaves the LLM alone.
 */
export function reactionTo(failure: Failure, streak: number): Reaction {
  const rung = LADDER_MS[Math.min(streak, LADDER_MS.length - 1)]!
  const asked = failure.retry_after_ms === null ? null : Math.max(failure.retry_after_ms, LEAST_PAUSE_MS)
  switch (failure.class) {
    case 'unauthorized':
      return { kind: 'disable' }
    case 'rate_limited':
      return { kind: 'cool', ms: Math.max(asked ?? rung, dayPause(failure)) }
    case 'quota_exhausted':
      return { kind: 'cool', ms: asked ?? HOUR_MS }
    case 'overloaded':
    case 'unreachable':
      return { kind: 'cool', ms: asked ?? rung }
    case 'not_found':
      return { kind: 'cool', ms: MODEL_GONE_MS }
    case 'timeout':
    case 'interrupted':
    case 'server_error':
    case 'invalid_answer':
      if (asked !== null) return { kind: 'cool', ms: asked }
      return streak + 1 < PATIENCE ? { kind: 'none' } : { kind: 'cool', ms: rung }
    case 'too_large':
    case 'bad_request':
    case 'internal':
      return { kind: 'none' }
  }
}

/** A day is never tried again within a minute, whatever the provider says; without a named time it is every hour. */
function dayPause(failure: Failure): number {
  if ((failure.limit?.per_ms ?? 0) < 24 * HOUR_MS) return 0
  return failure.retry_after_ms === null ? HOUR_MS : MINUTE_MS
}

/** A request that this provider's format cannot express; another provider's may. It was never sent. */
function isInexpressible(failure: Failure): boolean {
  return failure.class === 'bad_request' && failure.status === null
}

/** Whether the provider may have counted the call against its limits. */
export function mayHaveCounted(failure: Failure): boolean {
  return failure.class !== 'unreachable' && !isInexpressible(failure)
}

/** Whether the call was cut off, so that the provider may take it to be under way for a little longer. */
export function isCut(failure: Failure): boolean {
  return failure.class === 'timeout' || failure.class === 'interrupted'
}

/** Whether the provider may have booked tokens for the call: not for one that it turned away. */
export function mayHaveBooked(failure: Failure): boolean {
  if (failure.status === null) return mayHaveCounted(failure)
  return failure.status >= 500 || failure.status < 300
}

/** Whether another attempt, here or elsewhere, makes sense for a request of which nothing was delivered. */
export function isRetryable(failure: Failure): boolean {
  if (failure.class === 'bad_request') return isInexpressible(failure)
  return failure.class !== 'internal'
}

/**
 * Whether the failure says nothing of the request but that this LLM cannot take it now: no room, or not to be reached.
 * The request waits, and the same LLM may serve it later.
 */
export function isCapacity(failure: Failure): boolean {
  return CAPACITY.has(failure.class)
}

const CAPACITY: ReadonlySet<FailureClass> = new Set([
  'rate_limited',
  'overloaded',
  'quota_exhausted',
  'unreachable',
])
