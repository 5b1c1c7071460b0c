/** Longest wait a provider is believed, in ms: 31 days. */
export const WAIT_MS_MAX = 31 * 24 * 3600 * 1000

const UNIT_MS: { readonly [unit: string]: number } = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const SPAN = /^(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|[smhd]))+$/
const SPAN_PARTS = /(\d+(?:\.\d+)?) ?(ms|milli|us|µs|ns|[smhd])/g
const SPAN_IN_TEXT =
  /(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)? ?(?:milliseconds?|seconds?|minutes?|hours?|days?|ms|us|µs|ns|[smhd]) ?)+)/i
const NUMBER = /^[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?$/i
const DATE = /^(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d|[A-Za-z]{3,9},? .*GMT$)/
/** Numbers above are points in time: milliseconds since 1970, then seconds since 1970. */
const EPOCH_MS_MIN = 1e12
const EPOCH_S_MIN = 1e9

/** A wait in whole ms within [0, 31 days]; null for what is no number. */
export function boundedWait(ms: number): number | null {
  return Number.isNaN(ms) ? null : Math.min(Math.max(Math.ceil(ms), 0), WAIT_MS_MAX)
}

function spanMs(text: string): number {
  let ms = 0
  for (const [, amount, unit] of text.matchAll(SPAN_PARTS)) {
    ms += Number(amount) * (unit === 'milli' ? 1 : UNIT_MS[unit!]!)
  }
  return ms
}

/**
 * How long to wait according to one value, in ms from `now` (ms since 1970): plain seconds, seconds or milliseconds
 * since 1970, a Go or protobuf duration (`6m0s`, `34.4s`, `120ms`), an HTTP date or an RFC 3339 time. Null for
 * anything else.
 */
export function parseWait(text: string, now: number): number | null {
  const value = text.trim()
  if (value.length === 0 || value.length > 64) return null
  if (NUMBER.test(value)) {
    const number = Number(value)
    if (number > EPOCH_MS_MIN) return boundedWait(number - now)
    return boundedWait(number > EPOCH_S_MIN ? number * 1000 - now : number * 1000)
  }
  if (SPAN.test(value)) return boundedWait(spanMs(value))
  return DATE.test(value) ? boundedWait(Date.parse(value) - now) : null
}

/** The wait in words such as "Please try again in 1m2.3s", in ms; null when there are none. */
export function waitInText(message: string): number | null {
  const span = SPAN_IN_TEXT.exec(message)
  return span === null ? null : boundedWait(spanMs(span[1]!.toLowerCase()))
}

/** The wait that headers ask for, in ms: `retry-after-ms`, then `retry-after` (RFC 9110, 10.2.3). */
export function retryAfter(headers: Headers, now: number): number | null {
  const ms = headers.get('retry-after-ms')?.trim() ?? ''
  if (NUMBER.test(ms)) return boundedWait(Number(ms))
  return parseWait(headers.get('retry-after') ?? '', now)
}
