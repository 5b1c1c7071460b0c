import type { Failure } from '../core/events.ts'
import type { Unit } from '../core/types.ts'
import { failureOf } from './failure.ts'
import { asArray, asObject, asText, type JsonObject } from './json.ts'
import { errorIn, type ProviderError, readError } from './provider-error.ts'
import { boundedWait, parseWait } from './retry-after.ts'
import { DAY_MS, MINUTE_MS } from '../core/time.ts'

const pacific = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Los_Angeles',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
})

/** The Pacific clock at an instant, written as if it were UTC; both in ms since 1970, to the second. */
function pacificClock(at: number): number {
  const parts = new Map(pacific.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type)!
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'))
}

/**
 * The next midnight in America/Los_Angeles, where Google's days begin; ms since 1970. The offset is read near that
 * midnight, since a change of daylight saving time, never at midnight there, may lie in between.
 */
export function nextPacificMidnight(now: number): number {
  const midnight = (Math.floor(pacificClock(now) / DAY_MS) + 1) * DAY_MS
  const near = midnight - (pacificClock(now) - Math.floor(now / 1000) * 1000)
  return midnight - (pacificClock(near) - near)
}

function detail(error: ProviderError, type: string): JsonObject {
  const details = asArray(error.fields.details).map(asObject)
  return asObject(details.find((entry) => asText(entry['@type']).endsWith(type)))
}

function unitOf(quotaId: string): Unit | null {
  if (/InputTokens/i.test(quotaId)) return 'input_tokens'
  if (/Tokens/i.test(quotaId)) return 'tokens'
  return /Requests/i.test(quotaId) ? 'requests' : null
}

/**
 * A quota failure names the limit exactly: `...PerDay...` is over until the next day of Google's, whatever the retry
 * delay says, and a quota of "0" means that the model is not offered to this account.
 */
function googleFailure(status: number, error: ProviderError, now: number, headers?: Headers): Failure {
  const failure = failureOf(status, error, now, headers)
  if (failure.class !== 'rate_limited') return failure
  const delay = parseWait(asText(detail(error, 'RetryInfo').retryDelay), now) ?? failure.retry_after_ms
  const violations = asArray(detail(error, 'QuotaFailure').violations).map(asObject)
  if (violations.some(({ quotaValue }) => quotaValue === '0')) {
    return { ...failure, class: 'not_found', retry_after_ms: delay, limit: null }
  }
  const ids = violations.map(({ quotaId }) => asText(quotaId))
  const daily = ids.find((id) => id.includes('PerDay'))
  if (daily !== undefined) {
    const untilMidnight = boundedWait(nextPacificMidnight(now) - now)
    return { ...failure, retry_after_ms: untilMidnight, limit: { unit: unitOf(daily), per_ms: DAY_MS } }
  }
  const minutely = ids.find((id) => id.includes('PerMinute'))
  const limit = minutely === undefined ? failure.limit : { unit: unitOf(minutely), per_ms: MINUTE_MS }
  return { ...failure, retry_after_ms: delay, limit }
}

/** Describes an answer of Google's whose status is not 2xx (google.rpc.Status). */
export function classifyGoogle(status: number, headers: Headers, body: string, now: number): Failure {
  return googleFailure(status, readError(body), now, headers)
}

/** Describes an error of Google's within an answer of status 200. */
export function googleFailureWithin(value: unknown, now: number): Failure {
  return googleFailure(200, errorIn(value), now)
}
