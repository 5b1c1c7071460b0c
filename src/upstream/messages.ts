import { asArray, asObject, asText, isObject, type JsonObject, parseJson } from './json.ts'

/** Reading of OpenAI messages for providers that want them otherwise. All of it takes any JSON. */

/** The texts of a message's content, be it a string or parts. */
export function textsOf(content: unknown): string[] {
  if (typeof content === 'string') return content === '' ? [] : [content]
  return asArray(content)
    .map((part) =>
      typeof part === 'string' ? part : asText(asObject(part).text) || asText(asObject(part).refusal),
    )
    .filter((text) => text !== '')
}

/** The URL of an `image_url` part or the like, which some clients write as a plain string. */
export function urlOf(value: unknown): string {
  return asText(value) || asText(asObject(value).url)
}

/** Media type and base64 data of a data URL (RFC 2397); null for any other text. Never walks the data. */
export function dataUrl(url: string): { mimeType: string; data: string } | null {
  const comma = url.startsWith('data:') ? url.indexOf(',') : -1
  if (comma < 0 || comma > 256) return null
  const [mimeType, ...parameters] = url.slice(5, comma).split(';')
  if (!parameters.includes('base64')) return null
  return { mimeType: mimeType === '' ? 'text/plain' : mimeType!, data: url.slice(comma + 1) }
}

/** The arguments of a tool call as an object; other values are wrapped, since providers take objects alone. */
export function argumentsOf(text: unknown): JsonObject {
  if (isObject(text)) return text
  const value = asText(text).trim() === '' ? {} : parseJson(asText(text))
  if (isObject(value)) return value
  return { value: value === undefined ? asText(text) : value }
}

/** The names of all tools that were called in a conversation, by the id of the call. */
export function toolNames(messages: readonly unknown[]): ReadonlyMap<string, string> {
  const calls = messages.flatMap((message) => asArray(asObject(message).tool_calls)).map(asObject)
  return new Map(calls.map((call) => [asText(call.id), asText(asObject(call.function).name)]))
}

/** The functions among the tools of a request; null when there is a tool of another type. */
export function functionsOf(tools: unknown): JsonObject[] | null {
  const list = asArray(tools).map(asObject)
  return list.every((tool) => isObject(tool.function)) ? list.map((tool) => asObject(tool.function)) : null
}

/** The client's bound on the answer, in tokens. */
export function outputLimit(body: JsonObject): number | undefined {
  const limit = body.max_completion_tokens ?? body.max_tokens
  return typeof limit === 'number' ? limit : undefined
}

/** The value itself when it is a number. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** The stop sequences of a request as a list. */
export function stopsOf(stop: unknown): string[] {
  return (Array.isArray(stop) ? stop : [stop]).map(asText).filter((text) => text !== '')
}

/** What is asked of `response_format`: nothing, any JSON, or JSON of a schema. */
export function wantedFormat(format: unknown): { json: boolean; schema: JsonObject | null } {
  const { type, json_schema: jsonSchema } = asObject(format)
  const { schema } = asObject(jsonSchema)
  return {
    json: type === 'json_object' || type === 'json_schema',
    schema: type === 'json_schema' && isObject(schema) ? schema : null,
  }
}
