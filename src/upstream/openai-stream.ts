import { Buffer } from 'node:buffer'
import type { Failure, Usage } from '../core/events.ts'
import type { Call, StreamRelay } from './adapter.ts'
import { failureWithin, interrupted, invalidAnswer } from './failure.ts'
import { asArray, asObject, asText, decode, isObject, parseJson } from './json.ts'
import { createSegments, SEGMENT_BYTES_MAX } from './segments.ts'
import { dataOf, eventsOf, lastEvent } from './sse.ts'
import { openaiUsage } from './usage.ts'

/**
 * What makes an event worth reading. Inside a JSON string these quotes would be escaped, so a match is always a key
 * (or `[DONE]` in a text, which is harmless).
 */
const TELLING = /"finish_reason"\s*:\s*"|"usage"\s*:\s*\{|"error"\s*:\s*[^n\s]|\[DONE\]/
const TELLING_OR_NULL_USAGE = /"finish_reason"\s*:\s*"|"usage"|"error"\s*:\s*[^n\s]|\[DONE\]/
const NULL_USAGE = /,\s*"usage"\s*:\s*null|"usage"\s*:\s*null\s*,\s*/g

const QUOTE = 34
const BACKSLASH = 92
const BRACE_OPEN = 123
const BRACE_CLOSE = 125
const BRACKET_OPEN = 91
const BRACKET_CLOSE = 93

/** Whether the place `end` of a text lies at the top level of the JSON object that begins at `start`. */
function isTopLevel(text: string, start: number, end: number): boolean {
  let depth = 0
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) i = closingQuote(text, i)
    else if (code === BRACE_OPEN || code === BRACKET_OPEN) depth++
    else if (code === BRACE_CLOSE || code === BRACKET_CLOSE) depth--
  }
  return depth === 1
}

function closingQuote(text: string, opening: number): number {
  for (let i = opening + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) return i
    if (code === BACKSLASH) i++
  }
  return text.length
}

/** Removes the `"usage":null` that `include_usage` adds at the top level of every ordinary event. */
function withoutNullUsage(event: string): string {
  NULL_USAGE.lastIndex = 0
  for (let found = NULL_USAGE.exec(event); found !== null; found = NULL_USAGE.exec(event)) {
    if (!isTopLevel(event, event.indexOf('{'), found.index)) continue
    return event.slice(0, found.index) + event.slice(found.index + found[0].length)
  }
  return event
}

/** What a stream has told so far. */
interface Told {
  usage: Usage | null
  finishReason: string | null
  failure: Failure | null
  done: boolean
}

/** Reads one telling event into `told`; says whether it is only there because usage was asked for. */
function readEvent(data: string, told: Told, now: number): boolean {
  if (data.startsWith('[DONE]')) {
    told.done = true
    return false
  }
  const value = parseJson(data)
  if (!isObject(value)) return false
  const groq = asObject(value.x_groq)
  if (value.error || groq.error) {
    told.failure = failureWithin(value.error ? value : groq, now)
    return false
  }
  const choices = asArray(value.choices)
  for (const choice of choices)
    told.finishReason = asText(asObject(choice).finish_reason) || told.finishReason
  told.usage = openaiUsage(value.usage) ?? openaiUsage(groq.usage) ?? told.usage
  return Array.isArray(value.choices) && choices.length === 0 && isObject(value.usage)
}

function utf8(latin1: string): string {
  return decode(Buffer.from(latin1, 'latin1'))
}

/** One event as the client is to see it; nothing is left of one that is not for the client. */
function relayedEvent(event: string, call: Call, told: Told): string {
  if (TELLING.test(event)) {
    const extra = readEvent(dataOf(utf8(event)), told, call.created * 1000)
    const hidden = told.failure !== null || (extra && !call.wantsUsage)
    // Line feeds in front of an event belong to the one before it, so they stay.
    if (hidden) return event.slice(0, event.search(/[^\r\n]/))
  }
  return call.wantsUsage ? event : withoutNullUsage(event)
}

/**
 * Relays whole events: the same bytes when nothing in them is telling. They are searched as Latin-1 text, where one
 * character is one byte; on every runtime that is faster than searches within bytes.
 */
function relayedEvents(bytes: Uint8Array, call: Call, told: Told): Uint8Array | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  if (!(call.wantsUsage ? TELLING : TELLING_OR_NULL_USAGE).test(text)) return bytes
  let relayed = ''
  for (const event of eventsOf(text)) {
    relayed += relayedEvent(event, call, told)
    if (told.failure !== null) break
  }
  if (relayed.length === text.length) return bytes
  return relayed === '' ? null : Buffer.from(relayed, 'latin1')
}

/** The rest of a stream that did not end with a blank line: half an event would only confuse the client. */
function relayedRest(rest: Uint8Array, call: Call, told: Told): Uint8Array | null {
  const data = dataOf(decode(rest))
  const whole = data === '' || data.startsWith('[DONE]') || parseJson(data) !== undefined
  return whole ? relayedEvents(rest, call, told) : null
}

/** Whether a stream that begins so is JSON or HTML instead of events; null while only space has come. */
function isForeign(chunk: Uint8Array): boolean | null {
  const first = decode(chunk.subarray(0, 64)).trimStart().charAt(0)
  return first === '' ? null : '{[<'.includes(first)
}

/** An answer of status 200 that is no event stream: the error it holds, or an invalid answer. */
function foreignFailure(body: string, now: number): Failure {
  const value = parseJson(body)
  const reported = Array.isArray(value) || Boolean(asObject(value).error)
  return reported ? failureWithin(value, now) : invalidAnswer('The answer is not an event stream.')
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const ERROR_KEY = Buffer.from('"error"')
const USAGE_KEY = Buffer.from('"usage"')
const BLANK_LINE = Buffer.from('\n\n')
/** How an event ends in which `include_usage` has set the usage to null. */
const NULL_USAGE_END = Buffer.from(',"usage":null}\n\n')
const NULL_USAGE_LENGTH = ',"usage":null'.length

/** Hint: Buffer's search works on any bytes; it is by far the cheapest one there is. */
function holds(bytes: Uint8Array, key: Uint8Array): boolean {
  return Buffer.prototype.lastIndexOf.call(bytes, key) >= 0
}

function endsWithBlankLine(bytes: Uint8Array): boolean {
  const last = bytes[bytes.length - 1]
  if (last === LINE_FEED) {
    const before = bytes[bytes.length - 2]
    return before === LINE_FEED || (before === CARRIAGE_RETURN && bytes[bytes.length - 3] === LINE_FEED)
  }
  return last === CARRIAGE_RETURN && bytes[bytes.length - 2] === CARRIAGE_RETURN
}

function endsWith(bytes: Uint8Array, end: Uint8Array): boolean {
  const from = bytes.length - end.length
  if (from < 0) return false
  for (let i = end.length - 1; i >= 0; i--) if (bytes[from + i] !== end[i]) return false
  return true
}

/**
 * What becomes of an ordinary chunk: whole events without an error, handed on as they are or, where the client did
 * not ask for usage, without the null that asking has put there. Null for every other chunk. The chunk is changed
 * in place.
 */
function ordinary(chunk: Uint8Array, wantsUsage: boolean): Uint8Array | null {
  if (!endsWithBlankLine(chunk) || holds(chunk, ERROR_KEY)) return null
  if (wantsUsage || !holds(chunk, USAGE_KEY)) return chunk
  const end = chunk.length - NULL_USAGE_LENGTH
  if (!endsWith(chunk, NULL_USAGE_END)) return null
  if (Buffer.prototype.indexOf.call(chunk, BLANK_LINE) !== chunk.length - BLANK_LINE.length) return null
  chunk.copyWithin(end - 3, chunk.length - 3)
  return chunk.subarray(0, end)
}

/** This much of the end of a stream is read for its usage and finish reason. */
const TAIL_BYTES = 8192

/** The last chunks that were handed on unread. */
function createTail() {
  let chunks: Uint8Array[] = []
  let length = 0
  return {
    keep(chunk: Uint8Array): void {
      chunks.push(chunk)
      length += chunk.length
      if (length - chunks[0]!.length > TAIL_BYTES) length -= chunks.shift()!.length
    },
    take(): Uint8Array | null {
      if (length === 0) return null
      const bytes = Buffer.concat(chunks)
      chunks = []
      length = 0
      return bytes
    },
  }
}

/**
 * Relays an OpenAI event stream. Bytes go on as they came, except that a client which did not ask for usage gets
 * what the provider would have sent without `include_usage`. Bytes returned together with a failure precede it.
 *
 * Hint: ordinary chunks are handed on without being read; what the last of them told is read when it is asked for.
 */
export function openEventRelay(call: Call): StreamRelay {
  const told: Told = { usage: null, finishReason: null, failure: null, done: false }
  const tail = createTail()
  let foreign: boolean | null = null
  const segments = createSegments((bytes, from) => (foreign ? 0 : lastEvent(bytes, from)))
  const readTail = (): Told => {
    const bytes = tail.take()
    if (bytes !== null) relayedEvents(bytes, call, told)
    return told
  }

  return {
    push(chunk) {
      if (told.failure !== null || chunk.length === 0) return null
      foreign ??= isForeign(chunk)
      if (foreign === false && segments.isEmpty) {
        const relayed = ordinary(chunk, call.wantsUsage)
        if (relayed !== null) {
          tail.keep(relayed)
          return relayed
        }
      }
      readTail()
      const ready = segments.push(chunk)
      const relayed = ready === null ? null : relayedEvents(ready, call, told)
      if (segments.tooLong)
        told.failure ??= invalidAnswer(`An event is longer than ${SEGMENT_BYTES_MAX} bytes.`)
      return relayed
    },
    end() {
      if (readTail().failure !== null) return null
      const rest = segments.rest()
      if (foreign) {
        told.failure = foreignFailure(rest === null ? '' : decode(rest), call.created * 1000)
        return null
      }
      const relayed = rest === null ? null : relayedRest(rest, call, told)
      if (!told.done && told.finishReason === null) told.failure ??= interrupted()
      return relayed
    },
    get usage() {
      return readTail().usage
    },
    get finishReason() {
      return readTail().finishReason
    },
    get failure() {
      return told.failure
    },
  }
}
