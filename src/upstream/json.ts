import type { Result } from './adapter.ts'

/** Reading of JSON that others wrote: every function takes anything and never throws. */
export type JsonObject = { readonly [key: string]: unknown }

const EMPTY: JsonObject = {}
const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** UTF-8 bytes as text; a byte order mark is dropped, invalid sequences become U+FFFD. */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/** Text as UTF-8 bytes. */
export function encode(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The value of a JSON text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value itself when it is an object, else an empty one. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : EMPTY
}

/** The value itself when it is an array, else an empty one. */
export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value itself when it is a string, else the empty one. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** A count as providers write them: a whole number of at least 0, else 0. */
export function asCount(value: unknown): number {
  return typeof value === 'number' && value > 0 && Number.isSafeInteger(Math.round(value))
    ? Math.round(value)
    : 0
}

/** The entries whose value is neither undefined nor null, as an object. */
export function compact(fields: { [key: string]: unknown }): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  )
}

/** The JSON text of a value; null when it is nested too deeply for the runtime's serializer. */
export function jsonText(value: unknown): string | null {
  try {
    return JSON.stringify(value)
  } catch {
    return null
  }
}

/** A request that cannot be put to this provider, with the reason in a sentence. */
export function badRequest(message: string): Result<never> {
  return {
    ok: false,
    failure: { class: 'bad_request', status: null, message, retry_after_ms: null, limit: null },
  }
}
