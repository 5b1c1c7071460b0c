import type { ChatBody, ChatMessage, ContentPart } from './chat.ts'
import type { Mode } from '../types.ts'

/** What a chat request needs, read from its body alone. */
export interface Needs {
  /** Estimated prompt tokens, a little high on purpose. */
  readonly inputTokens: number
  /** The client's own bound on the answer, for all choices together; null when it gave none. */
  readonly outputTokens: number | null
  readonly modes: Mode[]
  readonly tools: boolean
  readonly structured: boolean
  /** How many answers are asked for at once (`n`). */
  readonly choices: number
}

/** OpenAI's own counting recipe: 3 tokens per message and 3 to start the answer. */
const TOKENS_PER_MESSAGE = 3
const TOKENS_TO_START = 3
/** A picture of unknown size, as the middle of what the providers charge. */
const TOKENS_PER_IMAGE = 1100
/** Ten seconds at 32 tokens a second, the dearest of the known rates. */
const TOKENS_PER_AUDIO = 320
/** A few pages; the providers count them as pictures or text. */
const TOKENS_PER_FILE = 3000

/** Reads what routing has to know of a request. One pass over its text, O(bytes). */
export function needsOf(body: ChatBody): Needs {
  let inputTokens = TOKENS_TO_START
  const modes: Mode[] = ['text']
  for (const message of body.messages) inputTokens += tokensOfMessage(message, modes)
  const tools = Array.isArray(body.tools) && body.tools.length > 0
  if (tools) inputTokens += estimateText(JSON.stringify(body.tools))
  const structured = body.response_format != null && body.response_format.type !== 'text'
  if (structured) inputTokens += estimateText(JSON.stringify(body.response_format))
  const choices = Math.max(1, body.n ?? 1)
  const bound = body.max_completion_tokens ?? body.max_tokens ?? null
  return {
    inputTokens,
    outputTokens: bound === null ? null : bound * choices,
    choices,
    modes,
    tools,
    structured,
  }
}

function tokensOfMessage(message: ChatMessage, modes: Mode[]): number {
  let tokens = TOKENS_PER_MESSAGE
  if (typeof message.content === 'string') tokens += estimateText(message.content)
  else if (Array.isArray(message.content)) {
    for (const part of message.content) tokens += tokensOfPart(part, modes)
  }
  if (message.tool_calls) tokens += estimateText(JSON.stringify(message.tool_calls))
  return tokens
}

function tokensOfPart(part: ContentPart, modes: Mode[]): number {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return typeof part.text === 'string' ? estimateText(part.text) : 0
    case 'image_url':
      note(modes, 'vision')
      return TOKENS_PER_IMAGE
    case 'input_audio':
      note(modes, 'audio')
      return TOKENS_PER_AUDIO
    case 'video_url':
      note(modes, 'video')
      return TOKENS_PER_FILE
    case 'file':
      note(modes, 'other')
      return TOKENS_PER_FILE
    default:
      note(modes, 'other')
      return estimateText(JSON.stringify(part))
  }
}

function note(modes: Mode[], mode: Mode): void {
  if (!modes.includes(mode)) modes.push(mode)
}

/** An unbroken run of letters and digits this long is data (base64, hashes), not words. */
const DATA_RUN = 32

/**
 * Tokens of a text by content class: words 3.6 characters a token, other ASCII 2, data 1.4, Chinese, Japanese and
 * Korean 0.9 tokens a character, other scripts 0.5. A little high on purpose: what a provider counts should rarely
 * be more, and what it does count corrects the estimate. Returns an integer.
 *
 * The loop runs one character past the end, a space that closes the last run and is not counted.
 */
export function estimateText(text: string): number {
  let words = 0
  let symbols = 0
  let data = 0
  let ideographs = 0
  let others = 0
  let run = 0
  let wordsBefore = 0
  let symbolsBefore = 0
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : SPACE_CODE
    const kind = code < 128 ? ASCII[code]! : NON_ASCII
    if (kind <= DIGIT) {
      if (run++ === 0) {
        wordsBefore = words
        symbolsBefore = symbols
      }
      if (kind === LETTER) words++
      else symbols++
      continue
    }
    if (run >= DATA_RUN) {
      data += run
      words = wordsBefore
      symbols = symbolsBefore
    }
    run = 0
    if (kind === SPACE) words++
    else if (kind === SYMBOL) symbols++
    else if (isIdeograph(code)) ideographs++
    else others++
  }
  return Math.ceil((words - 1) / 3.6 + symbols / 2 + data / 1.4 + ideographs * 0.9 + others * 0.5)
}

const SPACE_CODE = 32
const LETTER = 0
const DIGIT = 1
const SPACE = 2
const SYMBOL = 3
const NON_ASCII = 4

/** Class of each ASCII character; `+` and `/` count as digits since they occur inside base64. */
const ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code)
  if (/[a-zA-Z]/.test(char)) return LETTER
  if (/[0-9+/]/.test(char)) return DIGIT
  return /\s/.test(char) ? SPACE : SYMBOL
})

/** Kana, ideographs, Hangul and their wide punctuation; surrogates are emoji or rare ideographs. */
function isIdeograph(code: number): boolean {
  return (
    (code >= 0x2e80 && code <= 0x9fff) ||
    (code >= 0xac00 && code <= 0xdfff) ||
    (code >= 0xf900 && code <= 0xffef)
  )
}

/** Corrections are kept in thousandths: 1000 means that the provider counts what we estimate. */
export const EXACT = 1000

/** An estimate corrected by a factor in thousandths. */
export function scaled(tokens: number, factor: number): number {
  return Math.ceil((tokens * factor) / EXACT)
}

/**
 * The correction after an answer: follows a provider that counts more at once, one that counts less slowly, so
 * that it stays near the upper end of what is seen. Bounded to a quarter and four times the estimate.
 */
export function corrected(factor: number, estimated: number, reported: number): number {
  if (estimated <= 0 || reported <= 0) return factor
  const seen = Math.ceil((reported * EXACT) / estimated)
  const next =
    seen > factor ? factor + Math.ceil((seen - factor) / 2) : factor - Math.floor((factor - seen) / 16)
  return Math.min(4 * EXACT, Math.max(EXACT / 4, next))
}
