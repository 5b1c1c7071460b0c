import { countTokens, type Script, scriptOf } from './script.ts'
import {
  type Body,
  type Dialect,
  type Fake,
  type FakeOptions,
  type Reply,
  type Seen,
  startFake,
} from './server.ts'

/** Ollama's own API at `/api/chat`: one JSON object per line, streamed unless `stream` is false. */
export function startOllama(options: FakeOptions = {}): Promise<Fake> {
  return startFake(ollamaDialect, options)
}

const ollamaDialect: Dialect = {
  name: 'ollama',
  measure: (body, options) => ({
    inputTokens: countTokens(body.messages),
    outputBound: bound(body) ?? options.outputTokens ?? 8,
  }),
  check,
  answer: ({ body }, options) => {
    const request = body ?? {}
    const script = scriptFor(request, options)
    const tokens = { inputTokens: countTokens(request.messages), outputTokens: script.outputTokens }
    if (request.stream === false) {
      const whole = { ...line(request, wholeMessage(script)), ...ending(script, tokens.inputTokens) }
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        chunks: [JSON.stringify(whole)],
        ...tokens,
      }
    }
    const chunks = streamLines(request, script, tokens.inputTokens)
    return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, chunks, ...tokens }
  },
  refuse: () => failure(503, 'server busy, please try again.  maximum pending requests exceeded'),
}

function bound(body: Body): number | null {
  const limit = body.options?.num_predict
  return typeof limit === 'number' && limit >= 0 ? limit : null
}

function scriptFor(body: Body, options: FakeOptions): Script {
  const last = body.messages?.at(-1)
  const tool = last?.role === 'user' ? (body.tools?.[0]?.function?.name ?? null) : null
  return scriptOf(body.messages, bound(body), tool, options)
}

function streamLines(body: Body, script: Script, inputTokens: number): string[] {
  const messages = script.toolCall
    ? [wholeMessage(script)]
    : script.pieces.map((content) => ({ role: 'assistant', content }))
  const last = { ...line(body, { role: 'assistant', content: '' }), ...ending(script, inputTokens) }
  return [...messages.map((message) => ({ ...line(body, message), done: false })), last].map(
    (each) => `${JSON.stringify(each)}\n`,
  )
}

function wholeMessage(script: Script): object {
  if (!script.toolCall) return { role: 'assistant', content: script.pieces.join('') }
  return { role: 'assistant', content: '', tool_calls: [{ function: script.toolCall }] }
}

function line(body: Body, message: object) {
  return { model: body.model, created_at: '2026-01-01T00:00:00.1Z', message }
}

/** Durations are in nanoseconds. */
function ending(script: Script, inputTokens: number) {
  return {
    done: true,
    done_reason: script.truncated ? 'length' : 'stop',
    total_duration: 5_000_000,
    load_duration: 1_000_000,
    prompt_eval_count: inputTokens,
    prompt_eval_duration: 1_000_000,
    eval_count: script.outputTokens,
    eval_duration: 3_000_000,
  }
}

function check(seen: Seen, options: FakeOptions): Reply | null {
  if (options.apiKey && seen.headers.authorization !== `Bearer ${options.apiKey}`)
    return failure(401, 'unauthorized')
  if (seen.path !== '/api/chat') return failure(404, '404 page not found')
  if (!seen.body?.model) return failure(400, 'model is required')
  return null
}

function failure(status: number, error: string): Reply {
  const chunks = [JSON.stringify({ error })]
  return { status, headers: { 'content-type': 'application/json' }, chunks, inputTokens: 0, outputTokens: 0 }
}
