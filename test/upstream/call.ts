import type { ChatBody } from '../../src/core/needs/chat.ts'
import type { LlmSpec } from '../../src/core/types.ts'
import type { Adapter, Call, StreamRelay } from '../../src/upstream/adapter.ts'
import { jsonText } from '../../src/upstream/json.ts'

const SPEC: LlmSpec = {
  name: 'one',
  group: 'one',
  apiType: 'openai',
  model: 'provider-model',
  baseUrl: 'https://provider.test/v1',
  keyName: 'KEY',
  contextLength: 8192,
  modes: ['text'],
  limits: [],
  strict: false,
  inputPicoUsd: 0,
  outputPicoUsd: 0,
  quality: 500,
  firstByteTimeoutMs: 1000,
  idleTimeoutMs: 1000,
  simulated: null,
}

/** An attempt with the given body fields; `spec` and `call` override the defaults. */
export function callOf(body: object = {}, spec: Partial<LlmSpec> = {}, call: Partial<Call> = {}): Call {
  const whole = { model: 'auto', messages: [{ role: 'user', content: 'Hi' }], ...body } as ChatBody
  return {
    spec: { ...SPEC, ...spec },
    apiKey: 'secret',
    body: whole,
    text: jsonText(whole),
    request: 'req1',
    stream: false,
    wantsUsage: false,
    created: 1_790_000_000,
    ...call,
  }
}

export function streamCall(call: Partial<Call> = {}, body: object = {}): Call {
  return callOf({ stream: true, ...body }, {}, { stream: true, ...call })
}

/** The parsed body of the request that an adapter prepares, its URL and headers. */
export function prepared(adapter: Adapter, call: Call) {
  const result = adapter.prepare(call)
  if (!result.ok) throw new Error(`refused: ${result.failure.message}`)
  return { ...result.value, body: JSON.parse(result.value.body) }
}

/** Why an adapter refuses to prepare a request. */
export function refusal(adapter: Adapter, call: Call): string {
  const result = adapter.prepare(call)
  return result.ok ? 'accepted' : `${result.failure.class}: ${result.failure.message}`
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Cuts bytes at the given offsets. */
export function cut(whole: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const places = [0, ...[...offsets].sort((a, b) => a - b), whole.length]
  return places.slice(1).map((end, i) => whole.slice(Math.min(places[i]!, whole.length), end))
}

/** Everything a relay makes of a stream. */
export function relayed(relay: StreamRelay, chunks: readonly Uint8Array[]) {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let text = ''
  for (const chunk of chunks) text += decoder.decode(relay.push(chunk) ?? new Uint8Array(0), { stream: true })
  text += decoder.decode(relay.end() ?? new Uint8Array(0))
  return {
    text,
    usage: relay.usage,
    finishReason: relay.finishReason,
    failure: relay.failure,
  }
}

/** The parsed events of an OpenAI stream; `[DONE]` as it is. */
export function eventsIn(text: string): unknown[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => (event === 'data: [DONE]' ? '[DONE]' : JSON.parse(event.replace('data: ', ''))))
}
