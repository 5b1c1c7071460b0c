import { asArray, asObject, asText, isObject, type JsonObject, parseJson } from './json.ts'

/** Longest message kept of a provider's own words, in characters. */
const MESSAGE_LENGTH_MAX = 300
/** Keys are masked in this much of a message before it is shortened, so that no cut hides one. */
const MASKED_LENGTH_MAX = 4 * MESSAGE_LENGTH_MAX
const KEY_LIKE = /\b(?:sk|gsk|pk|rk|xai|csk)[-_][\w*.-]{4,}|\bAIza[\w*-]{4,}|\bBearer\s+[^\s"',]+/gi

/** What a provider said went wrong, out of any of the shapes in which they say it. */
export interface ProviderError {
  /** Short, without anything that looks like a key; '' when it said nothing. */
  readonly message: string
  /** Its `type`, `code`, `status` and `reason` in lower case, separated by spaces. */
  readonly words: string
  /** The HTTP status that its google.rpc code stands for: truer than that of the answer. */
  readonly rpcStatus: number | null
  /** An HTTP status within the body, for errors inside a 2xx answer. */
  readonly innerStatus: number | null
  /** The error object itself. */
  readonly fields: JsonObject
}

/** The status that a google.rpc code stands for; FAILED_PRECONDITION is an account that may not be used. */
const RPC_STATUS: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  ['INVALID_ARGUMENT', 400],
  ['FAILED_PRECONDITION', 403],
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['NOT_FOUND', 404],
  ['RESOURCE_EXHAUSTED', 429],
  ['CANCELLED', 499],
  ['INTERNAL', 500],
  ['UNAVAILABLE', 503],
  ['DEADLINE_EXCEEDED', 504],
])

/** A message without keys, on one line, shortened to 300 characters. */
export function safeMessage(text: string): string {
  const masked = text.slice(0, MASKED_LENGTH_MAX).replace(KEY_LIKE, '***').replace(/\s+/g, ' ').trim()
  return masked.length > MESSAGE_LENGTH_MAX ? `${masked.slice(0, MESSAGE_LENGTH_MAX - 3)}...` : masked
}

/** `{error: {...}}`, `{error: 'text'}`, `[{error: ...}]`, `{errors: [...]}`, `{detail}` or the object itself. */
function errorFields(value: unknown): JsonObject {
  const body = asObject(Array.isArray(value) ? value[0] : value)
  if (isObject(body.error)) return body.error
  if (isObject(asArray(body.errors)[0])) return asObject(asArray(body.errors)[0])
  return body
}

function messageOf(fields: JsonObject): string {
  const detail = asArray(fields.detail)[0] ?? fields.detail
  return (
    asText(fields.message) ||
    asText(fields.error) ||
    asText(detail) ||
    asText(asObject(detail).msg) ||
    asText(asObject(fields.detail).message)
  )
}

function innerStatusOf(fields: JsonObject): number | null {
  const code = Number(wordOf(fields.code ?? fields.status))
  return Number.isInteger(code) && code >= 400 && code < 600 ? code : null
}

function wordOf(value: unknown): string {
  return typeof value === 'number' ? String(value) : asText(value)
}

/** The error in a parsed body or stream event. */
export function errorIn(value: unknown): ProviderError {
  const fields = errorFields(value)
  const reasons = asArray(fields.details).map((detail) => asObject(detail).reason)
  return {
    message: safeMessage(messageOf(fields)),
    words: [fields.type, fields.code, fields.status, ...reasons].map(wordOf).join(' ').toLowerCase(),
    rpcStatus: RPC_STATUS.get(fields.status) ?? null,
    innerStatus: innerStatusOf(fields),
    fields,
  }
}

/** The error in the body of an answer: JSON of any dialect, the title of a page of HTML, or plain text. */
export function readError(body: string): ProviderError {
  const value = parseJson(body)
  if (typeof value === 'object' && value !== null) return errorIn(value)
  const title = /<title[^>]*>([^<]{0,300})/i.exec(body.slice(0, 4096))?.[1]
  const text = title ?? (body.trimStart().startsWith('<') ? 'a page of HTML' : body)
  return { message: safeMessage(text), words: '', rpcStatus: null, innerStatus: null, fields: {} }
}
