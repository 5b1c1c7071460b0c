import type { Call, HttpRequest, Result } from './adapter.ts'
import { badRequest, jsonText } from './json.ts'

const USER_AGENT = 'llm-load-balancer'

/** The request to `path` below the LLM's base URL; `authorization` are the headers that carry its key. */
export function jsonRequest(
  call: Call,
  path: string,
  body: unknown,
  authorization: Record<string, string>,
): Result<HttpRequest> {
  const text = jsonText(body)
  if (text === null) return badRequest('The request is nested too deeply.')
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: call.stream ? 'text/event-stream' : 'application/json',
    'user-agent': USER_AGENT,
    ...authorization,
  }
  // Compressed streams arrive in blocks: tokens would wait for each other.
  if (call.stream) headers['accept-encoding'] = 'identity'
  return { ok: true, value: { url: `${call.spec.baseUrl.replace(/\/+$/, '')}${path}`, headers, body: text } }
}

/** The same, with the LLM's key as a bearer token. */
export function bearerRequest(call: Call, path: string, body: unknown): Result<HttpRequest> {
  return jsonRequest(call, path, body, call.apiKey === null ? {} : { authorization: `Bearer ${call.apiKey}` })
}
