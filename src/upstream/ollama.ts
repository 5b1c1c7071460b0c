import type { Adapter, Answer, Call, HttpRequest, Result, StreamRelay } from './adapter.ts'
import { classify, failureWithin, invalidAnswer } from './failure.ts'
import {
  asArray,
  asCount,
  asObject,
  asText,
  badRequest,
  compact,
  decode,
  type JsonObject,
  jsonText,
  parseJson,
} from './json.ts'
import { lastLine, linesOf } from './lines.ts'
import {
  argumentsOf,
  dataUrl,
  functionsOf,
  numberOf,
  outputLimit,
  stopsOf,
  textsOf,
  toolNames,
  urlOf,
  wantedFormat,
} from './messages.ts'
import { bearerRequest } from './request.ts'
import { openTranslatedStream, type StreamFormat } from './translated-stream.ts'
import { completion, type Finish, type Piece, type Spent } from './translation.ts'

const THINK: ReadonlyMap<unknown, boolean | string> = new Map<unknown, boolean | string>([
  ['none', false],
  ['minimal', 'low'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'max'],
  ['max', 'max'],
])

/** The images of a message as bare base64. Ollama fetches nothing; other media it does not take at all. */
function imagesOf(content: unknown, problems: string[]): string[] {
  const images: string[] = []
  for (const part of asArray(content).map(asObject)) {
    if (part.type === undefined || part.type === 'text' || part.type === 'refusal') continue
    const image = part.type === 'image_url' ? dataUrl(urlOf(part.image_url)) : null
    if (image !== null) images.push(image.data)
    else if (part.type === 'image_url') problems.push('Ollama takes images as base64 data URLs only.')
    else problems.push(`Ollama takes no content of type ${asText(part.type)}.`)
  }
  return images
}

function callsOf(calls: unknown): JsonObject[] {
  return asArray(calls).map((entry) => {
    const call = asObject(entry)
    const { name, arguments: text } = asObject(call.function)
    return compact({ id: call.id, function: { name: asText(name), arguments: argumentsOf(text) } })
  })
}

function messagesOf(messages: readonly unknown[], problems: string[]): JsonObject[] {
  const names = toolNames(messages)
  return messages.map(asObject).map((message) => {
    const images = imagesOf(message.content, problems)
    const calls = callsOf(message.tool_calls)
    const id = asText(message.tool_call_id)
    return compact({
      role: message.role === 'developer' ? 'system' : asText(message.role),
      content: textsOf(message.content).join('\n'),
      images: images.length > 0 ? images : null,
      tool_calls: calls.length > 0 ? calls : null,
      tool_call_id: id || null,
      tool_name: id === '' ? null : names.get(id),
    })
  })
}

/** Ollama cannot be told to use a tool or not to, but it uses none that it is not offered. */
function toolsOf(body: JsonObject, problems: string[]): JsonObject[] | null {
  const functions = functionsOf(body.tools)
  if (functions === null) problems.push('Ollama takes tools of type function only.')
  if (functions === null || functions.length === 0 || body.tool_choice === 'none') return null
  const named = asText(asObject(asObject(body.tool_choice).function).name)
  const offered = named === '' ? functions : functions.filter(({ name }) => name === named)
  return offered.map((fn) => ({ type: 'function', function: fn }))
}

/** `num_ctx` is the same for every request: Ollama reloads the model when it changes. */
function optionsOf(call: Call): JsonObject {
  const { body, spec } = call
  const stops = stopsOf(body.stop)
  return compact({
    num_ctx: spec.contextLength,
    num_predict: outputLimit(body),
    temperature: numberOf(body.temperature),
    top_p: numberOf(body.top_p),
    seed: numberOf(body.seed),
    presence_penalty: numberOf(body.presence_penalty),
    frequency_penalty: numberOf(body.frequency_penalty),
    stop: stops.length > 0 ? stops : null,
  })
}

function prepare(call: Call): Result<HttpRequest> {
  const { body, spec } = call
  if (typeof body.n === 'number' && body.n > 1)
    return badRequest('Ollama gives one choice per request: n must be 1.')
  const problems: string[] = []
  const { json, schema } = wantedFormat(body.response_format)
  const request = compact({
    model: spec.model,
    messages: messagesOf(asArray(body.messages), problems),
    tools: toolsOf(body, problems),
    format: schema ?? (json ? 'json' : null),
    options: optionsOf(call),
    think: THINK.get(body.reasoning_effort),
    stream: call.stream,
  })
  if (problems.length > 0) return badRequest(problems[0]!)
  return bearerRequest(call, /\/api\/*$/.test(spec.baseUrl) ? '/chat' : '/api/chat', jsonText(request))
}

/** Counts are left out when they are zero, as after a prompt that was cached as a whole. */
function spentOf(line: JsonObject): Spent | null {
  if (line.prompt_eval_count === undefined && line.eval_count === undefined) return null
  return {
    input_tokens: asCount(line.prompt_eval_count),
    output_tokens: asCount(line.eval_count),
    cached_tokens: 0,
    reasoning_tokens: 0,
  }
}

function finishOf(line: JsonObject): Finish | null {
  if (line.done !== true) return null
  return line.done_reason === 'length' ? 'length' : 'stop'
}

function read(value: unknown, call: Call): Result<Piece> {
  const line = asObject(value)
  if (line.error) return { ok: false, failure: failureWithin(value, call.created * 1000) }
  const message = asObject(line.message)
  const calls = asArray(message.tool_calls).map((entry) => {
    const { id, function: fn } = asObject(entry)
    const { name, arguments: args } = asObject(fn)
    return {
      id: asText(id) || null,
      name: asText(name),
      arguments: jsonText(args ?? {}) ?? '{}',
      signature: null,
    }
  })
  const piece: Piece = {
    id: null,
    model: asText(line.model) || null,
    text: asText(message.content),
    reasoning: asText(message.thinking),
    calls,
    images: [],
    finish: finishOf(line),
    usage: spentOf(line),
  }
  return { ok: true, value: piece }
}

function answer(bytes: Uint8Array, call: Call): Result<Answer> {
  const value = parseJson(decode(bytes))
  if (value === undefined) return { ok: false, failure: invalidAnswer('The answer is not JSON.') }
  const piece = read(value, call)
  return piece.ok ? completion(call, [piece.value]) : piece
}

const FORMAT: StreamFormat = { lastBoundary: lastLine, texts: linesOf, read }

function openStream(call: Call): StreamRelay {
  return openTranslatedStream(call, FORMAT)
}

/** Ollama's native API, which unlike its OpenAI one takes a context length and reports errors within streams. */
export const ollama: Adapter = { prepare, answer, openStream, classify, limits: () => [] }
