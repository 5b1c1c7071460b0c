import type { Answer, Call, Result } from './adapter.ts'
import { invalidAnswer } from './failure.ts'
import { googleFailureWithin } from './google-failure.ts'
import {
  asArray,
  asCount,
  asObject,
  asText,
  decode,
  isObject,
  type JsonObject,
  jsonText,
  parseJson,
} from './json.ts'
import { completion, type Finish, type Piece, type Spent } from './translation.ts'

/** Reasons that are none of the model's doing but a filter's; also every reason that begins with IMAGE_. */
const FILTERED: ReadonlySet<string> = new Set([
  'SAFETY',
  'RECITATION',
  'LANGUAGE',
  'BLOCKLIST',
  'PROHIBITED_CONTENT',
  'SPII',
  'NO_IMAGE',
])
const BROKEN: ReadonlySet<string> = new Set([
  'MALFORMED_FUNCTION_CALL',
  'UNEXPECTED_TOOL_CALL',
  'TOO_MANY_TOOL_CALLS',
  'MISSING_THOUGHT_SIGNATURE',
  'MALFORMED_RESPONSE',
  'OTHER',
])

function finishOf(reason: string): Finish | null {
  if (reason === '' || reason === 'FINISH_REASON_UNSPECIFIED') return null
  if (reason === 'MAX_TOKENS') return 'length'
  if (FILTERED.has(reason) || reason.startsWith('IMAGE_')) return 'content_filter'
  return BROKEN.has(reason) ? 'broken' : 'stop'
}

/** `candidatesTokenCount` leaves the thoughts out; `promptTokenCount` leaves out what tools put into the prompt. */
function spentOf(usage: unknown): Spent | null {
  if (!isObject(usage)) return null
  const thoughts = asCount(usage.thoughtsTokenCount)
  return {
    input_tokens: asCount(usage.promptTokenCount) + asCount(usage.toolUsePromptTokenCount),
    output_tokens: asCount(usage.candidatesTokenCount) + thoughts,
    cached_tokens: asCount(usage.cachedContentTokenCount),
    reasoning_tokens: thoughts,
  }
}

function pieceOf(candidate: JsonObject, answer: JsonObject): Piece {
  const parts = asArray(asObject(candidate.content).parts).map(asObject)
  const textOf = (thought: boolean): string =>
    parts
      .filter((part) => (part.thought === true) === thought)
      .map((part) => asText(part.text))
      .join('')
  const calls = parts
    .filter((part) => isObject(part.functionCall))
    .map((part) => {
      const { id, name, args } = asObject(part.functionCall)
      return {
        id: asText(id) || null,
        name: asText(name),
        arguments: jsonText(args ?? {}) ?? '{}',
        signature: asText(part.thoughtSignature) || null,
      }
    })
  const images = parts
    .map((part) => asObject(part.inlineData))
    .filter((image) => asText(image.data) !== '')
    .map((image) => `data:${asText(image.mimeType)};base64,${asText(image.data)}`)
  return {
    id: asText(answer.responseId) || null,
    model: asText(answer.modelVersion) || null,
    text: textOf(false),
    reasoning: textOf(true),
    calls,
    images,
    finish: finishOf(asText(candidate.finishReason)),
    usage: spentOf(answer.usageMetadata),
  }
}

/** Every candidate of an answer as a piece; a blocked prompt is an empty one that was filtered. */
function piecesOf(value: unknown, call: Call): Result<Piece[]> {
  const answer = asObject(Array.isArray(value) ? value[0] : value)
  if (answer.error) return { ok: false, failure: googleFailureWithin(answer, call.created * 1000) }
  const candidates = asArray(answer.candidates).map(asObject)
  const pieces = candidates.map((candidate) => pieceOf(candidate, answer))
  if (asText(asObject(answer.promptFeedback).blockReason) === '' || pieces.length > 0) {
    return { ok: true, value: pieces }
  }
  return { ok: true, value: [{ ...pieceOf({}, answer), finish: 'content_filter' }] }
}

/** Reads one response of a stream: of its candidates there is one, or none in a response of mere usage. */
export function readGoogle(value: unknown, call: Call): Result<Piece> {
  const pieces = piecesOf(value, call)
  return pieces.ok ? { ok: true, value: pieces.value[0] ?? pieceOf({}, asObject(value)) } : pieces
}

/** Translates a whole GenerateContentResponse. */
export function answerGoogle(bytes: Uint8Array, call: Call): Result<Answer> {
  const value = parseJson(decode(bytes))
  if (value === undefined) return { ok: false, failure: invalidAnswer('The answer is not JSON.') }
  const pieces = piecesOf(value, call)
  return pieces.ok ? completion(call, pieces.value) : pieces
}
