import type { Failure } from '../core/events.ts'
import type { Call, Result, StreamRelay } from './adapter.ts'
import { interrupted, invalidAnswer } from './failure.ts'
import { decode, encode, type JsonObject, parseJson } from './json.ts'
import { createSegments, type LastBoundary, SEGMENT_BYTES_MAX } from './segments.ts'
import {
  allowedCalls,
  chargedUsage,
  completionId,
  type Finish,
  finishReasonOf,
  imageParts,
  type Piece,
  type Spent,
  toolCall,
  usageFields,
} from './translation.ts'

/** How a provider writes a stream. */
export interface StreamFormat {
  readonly lastBoundary: LastBoundary
  /** Cuts whole pieces of the stream into JSON texts. */
  readonly texts: (whole: string) => readonly string[]
  /** Reads one JSON value of the stream, or the error in it. */
  readonly read: (value: unknown, call: Call) => Result<Piece>
}

/** What has been read of a stream, and what has been written of it. */
interface State {
  id: string | null
  model: string | null
  usage: Spent | null
  finish: Finish | null
  failure: Failure | null
  calls: number
  opened: boolean
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function chunk(call: Call, state: State, fields: JsonObject): string {
  const usage = call.wantsUsage ? { usage: null } : {}
  return event({
    id: completionId(call, state.id),
    object: 'chat.completion.chunk',
    created: call.created,
    model: state.model ?? call.spec.model,
    ...usage,
    ...fields,
  })
}

function delta(call: Call, state: State, fields: JsonObject, finishReason: string | null): string {
  const choice = { index: 0, delta: fields, logprobs: null, finish_reason: finishReason }
  return chunk(call, state, { choices: [choice] })
}

/** What a piece holds for the client as one delta, the first one with its role; '' when it holds nothing. */
function write(piece: Piece, call: Call, state: State): string {
  const fields: { [key: string]: unknown } = {}
  const uses = allowedCalls(call, piece.calls, state.calls)
  if (piece.reasoning !== '') fields.reasoning_content = piece.reasoning
  if (piece.text !== '') fields.content = piece.text
  if (piece.images.length > 0) fields.images = imageParts(piece.images)
  if (uses.length > 0) {
    fields.tool_calls = uses.map((use, place) => {
      const index = state.calls + place
      return { index, ...toolCall(use, call, 0, index) }
    })
    state.calls += uses.length
  }
  if (Object.keys(fields).length === 0) return ''
  return open(call, state) + delta(call, state, fields, null)
}

function open(call: Call, state: State): string {
  if (state.opened) return ''
  state.opened = true
  return delta(call, state, { role: 'assistant', content: '' }, null)
}

/** Takes one JSON text of the provider's stream in and gives what the client gets of it. */
function take(text: string, call: Call, format: StreamFormat, state: State): string {
  const value = parseJson(text)
  if (value === undefined) {
    state.failure = invalidAnswer('A part of the stream is not JSON.')
    return ''
  }
  const read = format.read(value, call)
  if (!read.ok) {
    state.failure = read.failure
    return ''
  }
  const piece = read.value
  state.id ??= piece.id
  state.model ??= piece.model
  state.usage = piece.usage ?? state.usage
  state.finish = piece.finish ?? state.finish
  return write(piece, call, state)
}

function takeAll(bytes: Uint8Array, call: Call, format: StreamFormat, state: State): string {
  let written = ''
  for (const text of format.texts(decode(bytes))) {
    if (state.failure !== null) break
    written += take(text, call, format, state)
  }
  return written
}

/** The last events: the reason of the end, the usage where it was asked for, and `[DONE]`. */
function close(call: Call, state: State): string {
  if (state.finish === null) {
    state.failure = interrupted()
    return ''
  }
  if (state.finish === 'broken' && !state.opened) {
    state.failure = invalidAnswer('The answer is malformed.')
    return ''
  }
  let written = open(call, state) + delta(call, state, {}, finishReasonOf(state.finish, state.calls))
  if (call.wantsUsage && state.usage !== null) {
    written += chunk(call, state, { choices: [], usage: usageFields(state.usage) })
  }
  return `${written}data: [DONE]\n\n`
}

/**
 * Translates a provider's stream into OpenAI's chunks: the role first, then deltas, the finish reason, the usage when
 * the client wants it, and `[DONE]`. Bytes returned together with a failure precede it.
 */
export function openTranslatedStream(call: Call, format: StreamFormat): StreamRelay {
  const segments = createSegments(format.lastBoundary)
  const state: State = {
    id: null,
    model: null,
    usage: null,
    finish: null,
    failure: null,
    calls: 0,
    opened: false,
  }
  const bytesOf = (written: string): Uint8Array | null => (written === '' ? null : encode(written))

  return {
    push(bytes) {
      if (state.failure !== null) return null
      const ready = segments.push(bytes)
      const written = ready === null ? '' : takeAll(ready, call, format, state)
      if (segments.tooLong) {
        state.failure ??= invalidAnswer(`A part of the stream is longer than ${SEGMENT_BYTES_MAX} bytes.`)
      }
      return bytesOf(written)
    },
    end() {
      if (state.failure !== null) return null
      const rest = segments.rest()
      // Half a piece at the end is a stream that was cut: its missing finish reason says so.
      const whole = rest !== null && format.texts(decode(rest)).every((text) => parseJson(text) !== undefined)
      const written = whole ? takeAll(rest, call, format, state) : ''
      return bytesOf(state.failure === null ? written + close(call, state) : written)
    },
    get usage() {
      return chargedUsage(state.usage)
    },
    get finishReason() {
      return state.finish === null ? null : finishReasonOf(state.finish, state.calls)
    },
    get failure() {
      return state.failure
    },
  }
}
