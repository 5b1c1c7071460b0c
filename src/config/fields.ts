import * as v from 'valibot'
import { MONTH_MS } from '../core/limits/windows/calendar.ts'
import { suggestion } from './suggest.ts'
import { DAY_MS, DURATION, durationMs, durationText, SIZE, sizeBytes } from './units.ts'

/** Longest timer all runtimes can set; a longer one would fire at once (signed 32-bit milliseconds). */
const MAX_TIMER_MS = 24 * DAY_MS
const MAX_SIZE_BYTES = 1_000_000_000_000

/** How keys of known providers begin. */
const KEY_PREFIX = /^(?:sk[-_]|gsk_|AIza|AQ\.|xai-|hf_|r8_|pplx-|csk-|nvapi-|Bearer )/
const ENV_NAME = /^(?:[A-Za-z_][A-Za-z0-9_]*)?$/

const NAME_RULE = 'letters, digits and . _ : / @ + - or a space within, at most 100 characters'

/** Whether a text seems to be a secret key itself rather than the name of a variable. */
export function looksLikeKey(text: string): boolean {
  if (KEY_PREFIX.test(text)) return true
  return text.length >= 24 && /[a-z]/.test(text) && /\d/.test(text) && /^[\w.-]+$/.test(text)
}

/** A value as an error message shows it: short, and never if it might be a key. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value !== 'string') return String(value)
  if (looksLikeKey(value)) return 'what looks like a key (not shown)'
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)
}

const expected = (what: string) => (issue: { input: unknown }) =>
  `expected ${what}, got ${shown(issue.input)}`

/** Adds the description that the JSON Schema and with it every editor shows. */
export function described<T extends v.GenericSchema>(text: string, schema: T) {
  return v.pipe(schema, v.description(text))
}

/** A text that is not empty. */
export function text() {
  const message = expected('a text')
  return v.pipe(v.string(message), v.nonEmpty(message), v.maxLength(300, 'is longer than 300 characters'))
}

/** A name that can stand in a header, a log line and a pattern. */
export function name() {
  const pattern = /^[A-Za-z0-9](?:[A-Za-z0-9._:/@+ -]{0,98}[A-Za-z0-9._:/@+-])?$/
  return v.pipe(v.string(expected('a name')), v.regex(pattern, expected(`a name (${NAME_RULE})`)))
}

/** One of a few words. */
export function choice<const T extends readonly string[]>(words: T) {
  const message = (issue: { input: unknown }) => {
    const near = typeof issue.input === 'string' ? suggestion(issue.input, words) : ''
    return `expected one of ${words.join(', ')}, got ${shown(issue.input)}${near}`
  }
  return v.picklist(words, message)
}

export function flag() {
  return v.boolean(expected('true or false'))
}

/** An integer from `min` to `max`. */
export function integer(min: number, max: number) {
  const message = expected(`an integer from ${min} to ${max}`)
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message))
}

/** An amount of a limit: at least 1. */
export function amount() {
  const message = expected('an integer of at least 1')
  return v.pipe(v.number(message), v.integer(message), v.minValue(1, message), v.maxValue(1e12, message))
}

/** A number from `min` to `max`. */
export function decimal(min: number, max: number) {
  const message = expected(`a number from ${min} to ${max}`)
  return v.pipe(v.number(message), v.minValue(min, message), v.maxValue(max, message))
}

/** A duration such as `120s`, read to ms; `min` and `max` are ms. */
export function duration(min: number, max: number = MAX_TIMER_MS) {
  const message = expected('a duration with its unit (ms, s, m, h or d) such as "120s"')
  const range = (issue: { input: number }) =>
    `expected a duration from ${durationText(min)} to ${durationText(max)}, got ${durationText(issue.input)}`
  return v.pipe(
    v.string(message),
    v.regex(DURATION, message),
    v.transform(durationMs),
    v.minValue(min, range),
    v.maxValue(max, range),
  )
}

/** The length of a window up to `max` ms: a duration, or `1mo`, which is kept as the longest month. */
export function period(max: number) {
  const message = expected('a duration with its unit (ms, s, m, h or d) such as "120s", or "1mo"')
  const month = v.transform((value: string) => (value === '1mo' ? durationText(MONTH_MS) : value))
  return v.pipe(v.string(message), month, duration(100, max))
}

/** A size such as `32MiB` or `4096`, read to bytes. */
export function size() {
  const message = expected('a size in bytes such as 4096, "10MB" or "32MiB"')
  const range = (issue: { input: number }) => `expected a size from 1 to 1000GB, got ${issue.input} bytes`
  return v.pipe(
    v.union([v.pipe(v.number(), v.integer(message)), v.pipe(v.string(), v.regex(SIZE, message))], message),
    v.transform(sizeBytes),
    v.minValue(1, range),
    v.maxValue(MAX_SIZE_BYTES, range),
  )
}

/** The name of an environment variable, or `""`. Its messages never show the value, which may be a key. */
export function envName() {
  const message =
    'expected the name of an environment variable, such as GROQ_API_KEY (not shown in case it is a key)'
  const pasted = 'this looks like a key itself: put the key in an environment variable and its name here'
  return v.pipe(
    v.string(message),
    v.check((value) => !looksLikeKey(value), pasted),
    v.regex(ENV_NAME, message),
    v.maxLength(100, message),
  )
}

/** An address to which paths are appended. Its messages never show the value, which may hold a password. */
export function baseUrl() {
  const message = 'expected an http:// or https:// address'
  const extra =
    'takes no user, password, query or fragment: paths are appended to it, and it stands in the log'
  return v.pipe(
    v.string(message),
    v.check(isHttpUrl, message),
    v.check((value) => /^[^?#@]*$/.test(value), extra),
  )
}

function isHttpUrl(value: string): boolean {
  const url = URL.parse(value)
  return /^https?:\/\/[^/\s]/i.test(value) && url !== null
}

/** An IP address or host name, without scheme and port. */
export function host() {
  const message = expected('an IP address or host name, without scheme and port')
  const pattern =
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/
  return v.pipe(v.string(message), v.regex(pattern, message))
}
