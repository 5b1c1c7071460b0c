import type { ChatBody } from '../core/needs/chat.ts'
import { createRandom, type Random } from '../core/random.ts'
import type { LlmSpec, SimulatedSpec } from '../core/types.ts'
import type { Transport } from './transport.ts'

/** Where the simulated LLM takes its time from; the global timers fit. */
export interface Timers {
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

interface Plan {
  readonly id: string
  readonly model: string
  readonly pieces: readonly string[]
  readonly finishReason: 'stop' | 'length'
  readonly inputTokens: number
  readonly wantsUsage: boolean
}

/**
 * A transport without a network: an OpenAI server in OpenAI bytes, with the latency, speed and faults of
 * `spec.simulated`. The n-th call of the same spec always answers the same, and says that it is simulated.
 * `created` is 0, because no clock is read.
 */
export function createSimulated(spec: LlmSpec, timers: Timers): Transport {
  const { simulated } = spec
  if (!simulated) throw new Error(`${spec.name} has no settings for its simulation`)
  let calls = 0
  return async (request, signal) => {
    const ordinal = calls++
    const random = createRandom(simulated.seed, `${spec.name}/${ordinal}`)
    const body = JSON.parse(request.body) as ChatBody
    const plan = planAnswer(body, simulated, random, {
      id: `chatcmpl-simulated-${ordinal}`,
      model: spec.model,
    })
    const fault = drawFault(random, simulated.faults)
    if (fault === 'hang') await sleep(Number.POSITIVE_INFINITY, timers, signal)
    await sleep(simulated.latencyMs, timers, signal)
    if (fault) return faultAnswer(fault)
    if (body.stream) return streamAnswer(plan, simulated.tokensPerSecond, timers, signal)
    await sleep(dueMs(plan.pieces.length, simulated.tokensPerSecond), timers, signal)
    return wholeAnswer(plan)
  }
}

type Fault = keyof SimulatedSpec['faults']

function drawFault(random: Random, faults: SimulatedSpec['faults']): Fault | null {
  let left = random.next()
  for (const fault of ['error500', 'error429', 'hang'] as const) {
    left -= faults[fault]
    if (left < 0) return fault
  }
  return null
}

const FILLER = 'and so it goes on with words that mean nothing until the wanted length is reached'.split(' ')

/** One word is one token here. */
function planAnswer(
  body: ChatBody,
  simulated: SimulatedSpec,
  random: Random,
  names: { id: string; model: string },
): Plan {
  const bound = body.max_completion_tokens ?? body.max_tokens ?? simulated.outputTokens
  const length = Math.min(bound, simulated.outputTokens)
  const asked = lastUserText(body).slice(0, 200)
  const words = `This is a simulated answer: no LLM was asked. The question began: "${asked}"`.split(/\s+/)
  while (words.length < length) words.push(FILLER[random.integer(FILLER.length)]!)
  return {
    ...names,
    pieces: words.slice(0, length).map((word, index) => (index ? ` ${word}` : word)),
    finishReason: bound < simulated.outputTokens ? 'length' : 'stop',
    inputTokens: Math.max(1, Math.ceil(characters(body) / 4)),
    wantsUsage: body.stream_options?.include_usage === true,
  }
}

function lastUserText(body: ChatBody): string {
  const content = body.messages.findLast((message) => message.role === 'user')?.content
  if (typeof content === 'string') return content
  return content?.map((part) => part.text ?? '').join(' ') ?? ''
}

function characters(body: ChatBody): number {
  const lengths = body.messages.map(({ content }) =>
    typeof content === 'string' ? content.length : JSON.stringify(content ?? '').length,
  )
  return lengths.reduce((sum, length) => sum + length, 0)
}

function usageOf(plan: Plan) {
  return {
    prompt_tokens: plan.inputTokens,
    completion_tokens: plan.pieces.length,
    total_tokens: plan.inputTokens + plan.pieces.length,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  }
}

function wholeAnswer(plan: Plan): Response {
  const message = { role: 'assistant', content: plan.pieces.join(''), refusal: null, annotations: [] }
  return Response.json({
    id: plan.id,
    object: 'chat.completion',
    created: 0,
    model: plan.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: plan.finishReason }],
    usage: usageOf(plan),
  })
}

function faultAnswer(fault: Fault): Response {
  if (fault === 'error429') {
    const message = 'Simulated rate limit reached. Please try again in 1s.'
    const error = { message, type: 'requests', param: null, code: 'rate_limit_exceeded' }
    return Response.json({ error }, { status: 429, headers: { 'retry-after': '1' } })
  }
  const error = { message: 'Simulated server error.', type: 'server_error', param: null, code: null }
  return Response.json({ error }, { status: 500 })
}

/** One SSE event per token, each at its own time; tokens due in the same millisecond leave together. */
function streamAnswer(plan: Plan, tokensPerSecond: number, timers: Timers, signal: AbortSignal): Response {
  const events = streamEvents(plan)
  const encoder = new TextEncoder()
  const left = new AbortController()
  const leave = () => left.abort(signal.reason)
  signal.addEventListener('abort', leave, { once: true })

  async function send(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    let nowMs = 0
    for (const [index, event] of events.entries()) {
      const waitMs = dueMs(Math.min(index, plan.pieces.length), tokensPerSecond) - nowMs
      if (waitMs > 0) await sleep(waitMs, timers, left.signal)
      nowMs += waitMs
      controller.enqueue(encoder.encode(event))
    }
    controller.close()
  }

  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      const done = () => signal.removeEventListener('abort', leave)
      send(controller).then(done, (reason) => {
        done()
        controller.error(reason)
      })
    },
    cancel: (reason) => left.abort(reason),
  })
  return new Response(stream, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
}

function streamEvents(plan: Plan): string[] {
  const event = (choices: object[], usage: object | null) =>
    `data: ${JSON.stringify({
      id: plan.id,
      object: 'chat.completion.chunk',
      created: 0,
      model: plan.model,
      choices,
      ...(plan.wantsUsage ? { usage } : {}),
    })}\n\n`
  const choice = (delta: object, finish_reason: string | null) => [
    { index: 0, delta, logprobs: null, finish_reason },
  ]
  return [
    event(choice({ role: 'assistant', content: '', refusal: null }, null), null),
    ...plan.pieces.map((content) => event(choice({ content }, null), null)),
    event(choice({}, plan.finishReason), null),
    ...(plan.wantsUsage ? [event([], usageOf(plan))] : []),
    'data: [DONE]\n\n',
  ]
}

function dueMs(tokens: number, tokensPerSecond: number): number {
  return Math.round((tokens * 1000) / tokensPerSecond)
}

/** Waits, or rejects with the signal's reason at once when it aborts. An infinite wait ends only that way. */
function sleep(ms: number, timers: Timers, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const timer = ms === Number.POSITIVE_INFINITY ? null : timers.setTimeout(finish, ms)
    signal.addEventListener('abort', abort, { once: true })

    function finish() {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    function abort() {
      if (timer !== null) timers.clearTimeout(timer)
      reject(signal.reason)
    }
  })
}
