import type { Refusal } from '../core/refusal.ts'

/** OpenAI's error object, which every refusal carries. */
export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

/** Refusals after which the same request may do better, so that SDKs may send it again by themselves. */
const WORTH_RETRYING = new Set([
  'wait_too_long',
  'wait_expired',
  'queue_full',
  'shutting_down',
  'log_unavailable',
])

/**
 * SDKs heed a `retry-after` of up to a minute; after a longer one they would come again within seconds, for nothing.
 */
const SDK_WAIT_MS_MOST = 60_000

function isWorthRetrying({ code, retryAfterMs }: Refusal): boolean {
  if (code === 'wait_too_long' && retryAfterMs !== null && retryAfterMs > SDK_WAIT_MS_MOST) return false
  return WORTH_RETRYING.has(code)
}

export function errorBody({ status, code, message }: Refusal, param: string | null = null): ErrorBody {
  return { error: { message, type: typeOf(status), param, code } }
}

/**
 * A refusal as an HTTP answer. `retry-after` is in whole seconds of at least 1 and `retry-after-ms` is exact; the
 * official SDKs read both. `x-should-retry: false` keeps them from repeating what cannot get better.
 */
export function errorResponse(
  refusal: Refusal,
  headers: Record<string, string>,
  param: string | null = null,
): Response {
  const all: Record<string, string> = { ...headers, 'content-type': 'application/json' }
  const { retryAfterMs } = refusal
  if (retryAfterMs !== null) {
    all['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)))
    all['retry-after-ms'] = String(retryAfterMs)
  }
  if (!isWorthRetrying(refusal)) all['x-should-retry'] = 'false'
  return new Response(JSON.stringify(errorBody(refusal, param)), { status: refusal.status, headers: all })
}

/** A bug of ours as an HTTP answer; the operator is told of it. */
export function failureResponse({ trouble }: { trouble(message: string): void }, error: unknown): Response {
  trouble(`a request failed inside the load balancer: ${(error as Error).stack ?? error}`)
  const message = 'The load balancer failed on this request; its log says more.'
  return errorResponse({ status: 500, code: 'internal', message, retryAfterMs: null }, {})
}

/** A refusal inside a stream whose headers are already with the client. */
export function errorEvent(refusal: Refusal): Uint8Array {
  return new TextEncoder().encode(`data: ${JSON.stringify(errorBody(refusal))}\n\n`)
}

/** A refusal of what the client sent. */
export function badRequest(message: string, code = 'invalid_request', status = 400): Refusal {
  return { status, code, message, retryAfterMs: null }
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error'
  if (status === 503) return 'service_unavailable_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

/** Whether the text of an error answer has the shape that OpenAI's clients read. */
export function isOpenaiError(text: string): boolean {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } }
    return typeof error?.message === 'string'
  } catch {
    return false
  }
}
