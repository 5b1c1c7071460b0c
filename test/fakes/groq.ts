import * as openai from './openai.ts'
import type { Script } from './script.ts'
import {
  type Body,
  type Dialect,
  type Fake,
  type FakeOptions,
  type Reply,
  type Seen,
  startFake,
} from './server.ts'

const DAY_MS = 86_400_000

/**
 * Groq at `/openai/v1/chat/completions`: OpenAI's shapes with `x_groq`, usage in the last chunk unasked, tool calls
 * whole in one delta, request headers that mean a day and token headers that mean a minute, 413 for what never fits.
 */
export function startGroq(options: FakeOptions = {}): Promise<Fake> {
  return startFake(groqDialect, { limitHeaders: true, ...options })
}

const groqDialect: Dialect = {
  name: 'groq',
  measure: openai.measure,
  check,
  answer: ({ body }, options) => {
    const request = body ?? {}
    const usage = usageOf(request, options)
    if (!request.stream) return openai.reply(200, 'application/json', [wholeText(request, options)], usage)
    return openai.reply(200, 'text/event-stream', streamChunks(request, options), usage)
  },
  refuse: (refusal, { body }) => {
    const kind = refusal.limit.unit === 'requests' ? 'requests' : 'tokens'
    const refused = openai.refuse(refusal, body ?? {}, kind)
    return refusal.requested > refusal.limit.amount ? { ...refused, status: 413 } : refused
  },
  limitHeaders: (limiter) =>
    openai.limitHeaders(limiter, ({ limit }) => (limit.unit === 'requests') === (limit.perMs === DAY_MS)),
}

const REFUSED_FIELDS = ['logprobs', 'logit_bias', 'top_logprobs']

function check(seen: Seen, options: FakeOptions): Reply | null {
  const field = REFUSED_FIELDS.find((name) => seen.body?.[name] != null)
  if (field) return openai.failure(400, `property '${field}' is unsupported`, 'invalid_request_error', null)
  if ((seen.body?.n ?? 1) !== 1)
    return openai.failure(400, "'n' : number must be at most 1", 'invalid_request_error', null)
  return openai.check(seen, options, '/openai/v1/chat/completions')
}

function usageOf(body: Body, options: FakeOptions) {
  const { prompt_tokens, completion_tokens, total_tokens } = openai.usageOf(body, options)
  const times = { queue_time: 0.001, prompt_time: 0.002, completion_time: 0.03, total_time: 0.032 }
  return { ...times, prompt_tokens, completion_tokens, total_tokens }
}

/** The exact text of a whole answer. */
export function wholeText(body: Body, options: FakeOptions = {}): string {
  const script = openai.scriptFor(body, options)
  const message = script.toolCall
    ? { role: 'assistant', tool_calls: [openai.toolCall(script)] }
    : { role: 'assistant', content: script.pieces.join('') }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: openai.finishReason(script) }]
  const usage = usageOf(body, options)
  return JSON.stringify({
    ...openai.envelope(script, body, 'chat.completion'),
    choices,
    usage,
    x_groq: { id: groqId(script) },
  })
}

/** The exact SSE events of a streamed answer. */
export function streamChunks(body: Body, options: FakeOptions = {}): string[] {
  const script = openai.scriptFor(body, options)
  const usage = usageOf(body, options)
  const event = (choices: object[], extra: object = {}) =>
    `data: ${JSON.stringify({ ...openai.envelope(script, body, 'chat.completion.chunk'), choices, ...extra })}\n\n`
  const delta = (content: object, reason: string | null = null, extra: object = {}) =>
    event([{ index: 0, delta: content, logprobs: null, finish_reason: reason }], extra)
  const deltas = script.toolCall
    ? [{ tool_calls: [{ index: 0, ...openai.toolCall(script) }] }]
    : script.pieces.map((content) => ({ content }))
  return [
    delta({ role: 'assistant', content: script.toolCall ? null : '' }, null, {
      x_groq: { id: groqId(script) },
    }),
    ...deltas.map((each) => delta(each)),
    delta({}, openai.finishReason(script), { x_groq: { id: groqId(script), usage } }),
    ...(body.stream_options?.include_usage ? [event([], { usage })] : []),
    'data: [DONE]\n\n',
  ]
}

function groqId(script: Script): string {
  return `req_${script.digest}`
}
