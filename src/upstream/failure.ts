import type { Failure, FailureClass } from '../core/events.ts'
import type { Unit } from '../core/types.ts'
import { asObject, asText } from './json.ts'
import { errorIn, type ProviderError, readError } from './provider-error.ts'
import { boundedWait, parseWait, retryAfter, waitInText } from './retry-after.ts'

/** What the provider's own codes say, whatever the status; the first match counts. */
const CLASS_OF_WORDS: readonly (readonly [RegExp, FailureClass])[] = [
  [
    /insufficient_(quota|credits|balance)|credit_balance|spend_limit|usage_limit_exceeded|billing_|blocked_api_access/,
    'quota_exhausted',
  ],
  [/context_length_exceeded|exceed_context_size|request_too_large/, 'too_large'],
  [/invalid_api_key|api_key_invalid|authentication_error/, 'unauthorized'],
  [/model_not_found|model_decommissioned/, 'not_found'],
  [/json_validate_failed|tool_use_failed/, 'invalid_answer'],
  // Cloudflare's 3040 is "no capacity", which is not the account's limit.
  [/slow_down|queue_exceeded|overloaded|capacity_exceeded|\b3040\b/, 'overloaded'],
]

/** What only the text tells, in answers that blame the request. */
const CLASS_OF_MESSAGE: readonly (readonly [RegExp, FailureClass])[] = [
  [/api key (not valid|expired)|invalid api key/i, 'unauthorized'],
  [/reached your specified api usage limits|credit balance is too low/i, 'quota_exhausted'],
  [
    /context (length|window|size)|maximum context|prompt is too long|input token count .{0,40}exceeds|too many (input )?tokens/i,
    'too_large',
  ],
]

/** What passes by itself and says nothing of the size of a limit: traffic that grows too fast, or no capacity. */
const PASSING = /acceleration limit|rate of increase|model is (currently )?overloaded|no capacity/i

/** OpenRouter names the provider whose refusal it passes on: that is not the account's own limit. */
function isOfAnother({ fields }: ProviderError): boolean {
  return asText(asObject(fields.metadata).provider_name) !== ''
}

const CLASS_OF_STATUS: { readonly [status: number]: FailureClass } = {
  401: 'unauthorized',
  402: 'quota_exhausted',
  403: 'unauthorized',
  404: 'not_found',
  408: 'timeout',
  409: 'server_error',
  410: 'not_found',
  413: 'too_large',
  425: 'server_error',
  429: 'rate_limited',
  498: 'overloaded',
  499: 'interrupted',
  503: 'overloaded',
  504: 'timeout',
  524: 'timeout',
  529: 'overloaded',
}

/** What an error within a 2xx answer means where neither a status nor a known code is in it. */
const CLASS_OF_TYPE: readonly (readonly [RegExp, FailureClass])[] = [
  [/rate_limit|too_many_requests/, 'rate_limited'],
  [/invalid_request|bad_request|invalid_prompt/, 'bad_request'],
  [/permission/, 'unauthorized'],
  [/not_found/, 'not_found'],
  [/timeout/, 'timeout'],
]

const PERIOD_MS: { readonly [period: string]: number } = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

function matching(
  table: readonly (readonly [RegExp, FailureClass])[],
  text: string,
): FailureClass | undefined {
  return table.find(([pattern]) => pattern.test(text))?.[1]
}

function classOf(status: number, error: ProviderError): FailureClass {
  // Groq answers 413 with `rate_limit_exceeded` to a request above its limit per minute: it can never fit.
  if (status === 413) return 'too_large'
  const named = matching(CLASS_OF_WORDS, error.words)
  if (named !== undefined) return named
  const blamed = status === 400 || status === 422 ? matching(CLASS_OF_MESSAGE, error.message) : undefined
  if (blamed !== undefined) return blamed
  if (status === 429 && (PASSING.test(error.message) || isOfAnother(error))) return 'overloaded'
  // A moderated request says nothing of the key.
  if (status === 403 && /moderat|flagged|content policy/i.test(error.message)) return 'bad_request'
  if (status < 300) return matching(CLASS_OF_TYPE, error.words) ?? 'server_error'
  if (status < 400) return 'invalid_answer'
  return CLASS_OF_STATUS[status] ?? (status < 500 ? 'bad_request' : 'server_error')
}

const NAMED_LIMIT = /\b(input |output )?(tokens?|requests?)[ _-]+per[ _-]+([smhd])/i
const ACRONYM = /\b([io]?t|r)p([smhd])\b/i
const DAILY = /\bper[- ]day\b|\bdaily\b/i
/** Cloudflare's code for the neurons of a day. */
const DAILY_CODE = /\b3036\b/
const UNIT_OF_ACRONYM: { readonly [acronym: string]: Unit } = {
  r: 'requests',
  t: 'tokens',
  it: 'input_tokens',
  ot: 'output_tokens',
}

function unitOf(side: string, noun: string): Unit {
  if (noun.startsWith('request')) return 'requests'
  if (side === '') return 'tokens'
  return side.startsWith('input') ? 'input_tokens' : 'output_tokens'
}

/** The limit a message names, as in "on tokens per min (TPM)", or at least the unit in the error's type. */
function limitOf(error: ProviderError): Failure['limit'] {
  const named = NAMED_LIMIT.exec(error.message)
  if (named !== null) {
    const [, side = '', noun, period] = named
    return {
      unit: unitOf(side.toLowerCase(), noun!.toLowerCase()),
      per_ms: PERIOD_MS[period!.toLowerCase()]!,
    }
  }
  const acronym = ACRONYM.exec(error.message)
  if (acronym !== null) {
    const [, unit, period] = acronym
    return {
      unit: UNIT_OF_ACRONYM[unit!.toLowerCase()]!,
      per_ms: PERIOD_MS[period!.toLowerCase()]!,
    }
  }
  const unit = /token/.test(error.words) ? 'tokens' : /request/.test(error.words) ? 'requests' : null
  const isDaily = DAILY.test(error.message) || DAILY_CODE.test(error.words)
  const perMs = isDaily ? PERIOD_MS.d! : null
  return unit === null && perMs === null ? null : { unit, per_ms: perMs }
}

/** OpenRouter repeats the headers of its limit in the body; others write `retry_after` there, in seconds. */
function waitInBody(error: ProviderError, now: number): number | null {
  const { retry_after: seconds, metadata } = error.fields
  const headers = asObject(asObject(metadata).headers)
  return (
    (typeof seconds === 'number' ? boundedWait(seconds * 1000) : null) ??
    waitInText(error.message) ??
    parseWait(asText(headers['X-RateLimit-Reset']), now)
  )
}

/** Describes an error that a provider reported; `status` is that of its HTTP answer, `now` is ms since 1970. */
export function failureOf(
  status: number,
  error: ProviderError,
  now: number,
  headers: Headers = new Headers(),
): Failure {
  const meant = error.rpcStatus ?? (status < 300 ? error.innerStatus : null) ?? status
  const failureClass = classOf(meant, error)
  const limited =
    failureClass === 'rate_limited' || (failureClass === 'too_large' && /rate_limit/.test(error.words))
  return {
    class: failureClass,
    status: status < 300 ? meant : status,
    message:
      error.message === '' ? `The provider answered with status ${status} and no message.` : error.message,
    retry_after_ms: retryAfter(headers, now) ?? waitInBody(error, now),
    limit: limited ? limitOf(error) : null,
  }
}

/** Describes an answer whose status is not 2xx, for providers without a dialect of their own. */
export function classify(status: number, headers: Headers, body: string, now: number): Failure {
  return failureOf(status, readError(body), now, headers)
}

/** Describes an error object within an answer of status 200. */
export function failureWithin(value: unknown, now: number): Failure {
  return failureOf(200, errorIn(value), now)
}

/** Failures of which nothing was said by a provider. */
const OWN = new WeakSet<Failure>()

/** Whether a failure is described in our own words: a request that was never sent, or an answer that is none. */
export function isInOwnWords(failure: Failure): boolean {
  return failure.status === null || OWN.has(failure)
}

function inOwnWords(failureClass: FailureClass, message: string): Failure {
  const failure = { class: failureClass, status: 200, message, retry_after_ms: null, limit: null }
  OWN.add(failure)
  return failure
}

/** An answer of status 200 that is none. The message is our own. */
export function invalidAnswer(message: string): Failure {
  return inOwnWords('invalid_answer', message)
}

/** A stream of status 200 that ended before its answer did. */
export function interrupted(): Failure {
  return inOwnWords('interrupted', 'The stream ended before the answer did.')
}
