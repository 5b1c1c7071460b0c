import type { Limiter, LimitStatus, Refusal } from './limiter.ts'
import { countTokens, goDuration, type Script, scriptOf } from './script.ts'
import {
  type Body,
  type Dialect,
  type Fake,
  type FakeOptions,
  type Reply,
  type Seen,
  startFake,
} from './server.ts'

const CREATED = 1_700_000_000

/** OpenAI's chat completions at `/v1/chat/completions`. */
export function startOpenai(options: FakeOptions = {}): Promise<Fake> {
  return startFake(openaiDialect, options)
}

export const openaiDialect: Dialect = {
  name: 'openai',
  measure,
  check: (seen, options) => check(seen, options, '/v1/chat/completions'),
  answer: ({ body }, options) => {
    const request = body ?? {}
    const chunks = request.stream ? streamChunks(request, options) : [wholeText(request, options)]
    return reply(
      200,
      request.stream ? 'text/event-stream; charset=utf-8' : 'application/json',
      chunks,
      usageOf(request, options),
    )
  },
  refuse: (refusal, { body }) => refuse(refusal, body ?? {}, 'rate_limit_error'),
  limitHeaders: (limiter) => limitHeaders(limiter),
}

/** The exact text of a whole answer. */
export function wholeText(body: Body, options: FakeOptions = {}): string {
  const script = scriptFor(body, options)
  const message = script.toolCall
    ? { role: 'assistant', content: null, refusal: null, annotations: [], tool_calls: [toolCall(script)] }
    : { role: 'assistant', content: script.pieces.join(''), refusal: null, annotations: [] }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason(script) }]
  const usage = usageOf(body, options)
  return JSON.stringify({
    ...envelope(script, body, 'chat.completion'),
    choices,
    usage,
    service_tier: 'default',
  })
}

/** The exact SSE events of a streamed answer: usage in a chunk of its own, and only when it was asked for. */
export function streamChunks(body: Body, options: FakeOptions = {}): string[] {
  const script = scriptFor(body, options)
  const wantsUsage = body.stream_options?.include_usage === true
  const event = (choices: object[], usage: object | null) =>
    `data: ${JSON.stringify({
      ...envelope(script, body, 'chat.completion.chunk'),
      choices,
      ...(wantsUsage ? { usage } : {}),
    })}\n\n`
  const delta = (content: object, reason: string | null = null) =>
    event([{ index: 0, delta: content, logprobs: null, finish_reason: reason }], null)
  return [
    delta({ role: 'assistant', content: script.toolCall ? null : '', refusal: null }),
    ...(script.toolCall ? toolDeltas(script) : script.pieces.map((content) => ({ content }))).map((each) =>
      delta(each),
    ),
    delta({}, finishReason(script)),
    ...(wantsUsage ? [event([], usageOf(body, options))] : []),
    'data: [DONE]\n\n',
  ]
}

export function usageOf(body: Body, options: FakeOptions = {}) {
  const input = countTokens(body.messages)
  const { outputTokens } = scriptFor(body, options)
  return {
    prompt_tokens: input,
    completion_tokens: outputTokens,
    total_tokens: input + outputTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  }
}

export function measure(body: Body, options: FakeOptions) {
  const outputBound = body.max_completion_tokens ?? body.max_tokens ?? options.outputTokens ?? 8
  return { inputTokens: countTokens(body.messages), outputBound: outputBound as number }
}

export function scriptFor(body: Body, options: FakeOptions): Script {
  const last = body.messages?.at(-1)
  const tool = last?.role === 'user' ? (body.tools?.[0]?.function?.name ?? null) : null
  return scriptOf(body.messages, body.max_completion_tokens ?? body.max_tokens ?? null, tool, options)
}

export function finishReason(script: Script): string {
  if (script.toolCall) return 'tool_calls'
  return script.truncated ? 'length' : 'stop'
}

export function envelope(script: Script, body: Body, object: string) {
  return {
    id: `chatcmpl-${script.digest}`,
    object,
    created: CREATED,
    model: body.model,
    system_fingerprint: 'fp_fake',
  }
}

export function toolCall(script: Script) {
  const { name, arguments: given } = script.toolCall ?? { name: '', arguments: {} }
  const id = `call_${script.digest}`
  return { id, type: 'function', function: { name, arguments: JSON.stringify(given) } }
}

/** OpenAI sends the arguments in fragments; id and name come with the first only. */
function toolDeltas(script: Script): object[] {
  const call = toolCall(script)
  const text = call.function.arguments
  const fragments = [text.slice(0, 5), text.slice(5)]
  return [
    { tool_calls: [{ index: 0, ...call, function: { ...call.function, arguments: '' } }] },
    ...fragments.map((part) => ({ tool_calls: [{ index: 0, function: { arguments: part } }] })),
  ]
}

export function check(seen: Seen, options: FakeOptions, path: string): Reply | null {
  if (options.apiKey && seen.headers.authorization !== `Bearer ${options.apiKey}`)
    return failure(401, 'Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key')
  if (seen.method !== 'POST' || seen.path !== path)
    return failure(
      404,
      `Unknown request URL: ${seen.method} ${seen.path}.`,
      'invalid_request_error',
      'unknown_url',
    )
  if (!Array.isArray(seen.body?.messages))
    return failure(400, 'We could not parse the JSON body of your request.', 'invalid_request_error', null)
  const { inputTokens, outputBound } = measure(seen.body, options)
  if (options.contextLength && inputTokens + outputBound > options.contextLength)
    return failure(
      400,
      `This model's maximum context length is ${options.contextLength} tokens.`,
      'invalid_request_error',
      'context_length_exceeded',
    )
  return null
}

export function refuse(refusal: Refusal, body: Body, type: string): Reply {
  const { limit, used, requested, retryAfterMs } = refusal
  const [kind, short] = limit.unit === 'requests' ? ['requests', 'R'] : ['tokens', 'T']
  const [period, letter] = (limit.perMs ?? 0) > 3_600_000 ? ['day', 'D'] : ['min', 'M']
  const message =
    `Rate limit reached for ${body.model} in organization org-fake on ${kind} per ${period} (${short}P${letter}): ` +
    `Limit ${limit.amount}, Used ${Math.ceil(used)}, Requested ${requested}. ` +
    `Please try again in ${goDuration(retryAfterMs ?? 1000)}.`
  const retryAfter = String(Math.max(1, Math.ceil((retryAfterMs ?? 1000) / 1000)))
  return failure(429, message, type, 'rate_limit_exceeded', { 'retry-after': retryAfter })
}

/** Of each unit the first limit is reported, as a time until it is completely free. */
export function limitHeaders(limiter: Limiter, pick = (_: LimitStatus) => true): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const unit of ['requests', 'tokens']) {
    const status = limiter.status().find((each) => each.limit.unit === unit && pick(each))
    if (!status) continue
    headers[`x-ratelimit-limit-${unit}`] = String(status.limit.amount)
    headers[`x-ratelimit-remaining-${unit}`] = String(status.remaining)
    headers[`x-ratelimit-reset-${unit}`] = goDuration(status.resetMs)
  }
  return headers
}

export function reply(
  status: number,
  type: string,
  chunks: readonly string[],
  usage: { prompt_tokens: number; completion_tokens: number },
): Reply {
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage
  return { status, headers: { 'content-type': type }, chunks, inputTokens, outputTokens }
}

export function failure(
  status: number,
  message: string,
  type: string,
  code: string | null,
  headers: Record<string, string> = {},
): Reply {
  const text = JSON.stringify({ error: { message, type, param: null, code } })
  const answered = reply(status, 'application/json', [text], { prompt_tokens: 0, completion_tokens: 0 })
  return { ...answered, headers: { ...answered.headers, ...headers } }
}
