import type { Call, HttpRequest, Result } from './adapter.ts'
import { badRequest } from './json.ts'

const USER_AGENT = 'llm-load-balancer'
const LAST_SLASHES = /\/+$/

/**
 * The request to `path` below the LLM's base URL; `authorization` are the headers that carry its key. A body without a
 * text is one that was nested too deeply to be written.
 */
export function jsonRequest(
  call: Call,
  path: string,
  text: string | null,
  authorization: Record<string, string>,
): Result<HttpRequest> {
  if (text === null) return badRequest('The request is nested too deeply.')
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: call.stream ? 'text/event-stream' : 'application/json',
    'user-agent': USER_AGENT,
    ...authorization,
  }
  // Compressed streams arrive in blocks: tokens would wait for each other.
  if (call.stream) headers['accept-encoding'] = 'identity'
  return {
    ok: true,
    value: { url: `${call.spec.baseUrl.replace(LAST_SLASHES, '')}${path}`, headers, body: text },
  }
}

/** The same, with the LLM's key as a bearer token. */
export function bearerRequest(call: Call, path: string, text: string | null): Result<HttpRequest> {
  return jsonRequest(call, path, text, call.apiKey === null ? {} : { authorization: `Bearer ${call.apiKey}` })
}
