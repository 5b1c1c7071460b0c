import type { Usage } from '../core/events.ts'
import type { Answer, Call, Result } from './adapter.ts'
import { invalidAnswer } from './failure.ts'
import type { JsonObject } from './json.ts'

/** A tool call as providers other than OpenAI make it: whole, with its arguments as a JSON text. */
export interface ToolUse {
  readonly id: string | null
  readonly name: string
  readonly arguments: string
  /** Google's proof of the thoughts behind the call, which it wants back with the next request. */
  readonly signature: string | null
}

/** Why an answer ended; `broken` is a malformed one that another LLM may well answer. */
export type Finish = 'stop' | 'length' | 'content_filter' | 'broken'

/** `output_tokens` includes `reasoning_tokens`. */
export interface Spent extends Usage {
  reasoning_tokens: number
}

/** A part of an answer, or a whole one, in terms common to the providers whose answers are translated. */
export interface Piece {
  readonly id: string | null
  readonly model: string | null
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly ToolUse[]
  /** Data URLs. */
  readonly images: readonly string[]
  readonly finish: Finish | null
  readonly usage: Spent | null
}

/** The id of the completion: the provider's own, or that of the request. */
export function completionId(call: Call, id: string | null): string {
  return `chatcmpl-${id ?? call.request}`
}

/** OpenAI's finish reason. A broken answer of which a part has been delivered can only be shown as stopped. */
export function finishReasonOf(finish: Finish, calls: number): string {
  if (finish === 'broken') return 'stop'
  return finish === 'stop' && calls > 0 ? 'tool_calls' : finish
}

/** A tool call as OpenAI writes it, at place `index` of the choice `choice`; ids are made up where there is none. */
export function toolCall(use: ToolUse, call: Call, choice: number, index: number): JsonObject {
  const id = use.id ?? `call_${call.request}_${choice === 0 ? '' : `${choice}_`}${index}`
  const written = { id, type: 'function', function: { name: use.name, arguments: use.arguments } }
  if (use.signature === null) return written
  return { ...written, extra_content: { google: { thought_signature: use.signature } } }
}

/** Images as OpenRouter writes them, for which OpenAI has no field. */
export function imageParts(urls: readonly string[]): JsonObject[] {
  return urls.map((url) => ({ type: 'image_url', image_url: { url } }))
}

/** What the balancer charges. */
export function chargedUsage(spent: Spent | null): Usage | null {
  if (spent === null) return null
  const { input_tokens, output_tokens, cached_tokens } = spent
  return { input_tokens, output_tokens, cached_tokens }
}

/** The usage object of OpenAI. */
export function usageFields(spent: Spent): JsonObject {
  return {
    prompt_tokens: spent.input_tokens,
    completion_tokens: spent.output_tokens,
    total_tokens: spent.input_tokens + spent.output_tokens,
    prompt_tokens_details: { cached_tokens: spent.cached_tokens },
    completion_tokens_details: { reasoning_tokens: spent.reasoning_tokens },
  }
}

/** The calls a client may get: with `parallel_tool_calls: false` the first one only. */
export function allowedCalls(call: Call, uses: readonly ToolUse[], earlier: number): readonly ToolUse[] {
  if (call.body.parallel_tool_calls !== false) return uses
  return uses.slice(0, earlier === 0 ? 1 : 0)
}

function choiceOf(piece: Piece, index: number, call: Call): JsonObject {
  const uses = allowedCalls(call, piece.calls, 0)
  const message: { [key: string]: unknown } = {
    role: 'assistant',
    content: piece.text === '' && uses.length > 0 ? null : piece.text,
    refusal: null,
  }
  if (piece.reasoning !== '') message.reasoning_content = piece.reasoning
  if (piece.images.length > 0) message.images = imageParts(piece.images)
  if (uses.length > 0) message.tool_calls = uses.map((use, place) => toolCall(use, call, index, place))
  const finish = finishReasonOf(piece.finish ?? 'broken', uses.length)
  return { index, message, logprobs: null, finish_reason: finish }
}

/** A whole completion with one choice per piece; a failure when not one of them ended as an answer does. */
export function completion(call: Call, pieces: readonly Piece[]): Result<Answer> {
  const first = pieces[0]
  if (first === undefined || pieces.every(({ finish }) => finish === null || finish === 'broken')) {
    return { ok: false, failure: invalidAnswer('The answer is malformed or did not end.') }
  }
  const choices = pieces.map((piece, index) => choiceOf(piece, index, call))
  const body: { [key: string]: unknown } = {
    id: completionId(call, first.id),
    object: 'chat.completion',
    created: call.created,
    model: first.model ?? call.spec.model,
    choices,
  }
  if (first.usage !== null) body.usage = usageFields(first.usage)
  return {
    ok: true,
    value: {
      body: JSON.stringify(body),
      usage: chargedUsage(first.usage),
      finishReason: String(choices[0]!.finish_reason),
    },
  }
}
