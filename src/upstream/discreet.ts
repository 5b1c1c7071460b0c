import type { Failure } from '../core/events.ts'
import type { Call } from './adapter.ts'
import { isInOwnWords } from './failure.ts'
import { ORDINARY_WORDS } from './ordinary-words.ts'

/** Stands in the log for words of a provider that are not kept. */
export const WITHHELD = 'its words are not kept, since they may quote the request'

/** What a provider says of these, it says of the request. */
const ABOUT_THE_REQUEST: ReadonlySet<Failure['class']> = new Set([
  'bad_request',
  'too_large',
  'invalid_answer',
])

/** Shorter keys are no secrets, and replacing them would garble every message. */
const KEY_LENGTH_MIN = 8
/** Scripts that put no space between words, of which any two letters are looked for. */
const UNSPACED =
  /(?=([\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]{2}))/gu
const WORD = /[\p{L}\p{M}\p{N}]{3,}/gu
/** Statuses and small counts. */
const SHORT_NUMBER = /^\d{3}$/
/** A quote of `QUOTE_LENGTH + STRIDE` characters is found whatever its words are. */
const QUOTE_LENGTH = 16
const STRIDE = 8
/** Media as text, which no message quotes. */
const MEDIA = /^(?:data:[^,]{0,256},)?[A-Za-z0-9+/=_-]{1024}/

/**
 * A failure as it may stand in the log: without the LLM's key, which some providers repeat, not even a piece of it,
 * and without words that quote the request or, once it has `begun`, the answer. `said` is what the provider said, for
 * the client whose request it was.
 */
export function discreet(failure: Failure, call: Call, begun = false): { failure: Failure; said: string } {
  const said = withoutKey(failure.message, call.apiKey)
  const isAboutIt = (begun || ABOUT_THE_REQUEST.has(failure.class)) && !isInOwnWords(failure)
  const withheld = isAboutIt || quotes(said, call)
  return { failure: { ...failure, message: withheld ? WITHHELD : said }, said }
}

/** A message that was shortened may end within the key. */
function withoutKey(message: string, key: string | null): string {
  if (key === null || key.length < KEY_LENGTH_MIN) return message
  const pieces = Array.from({ length: key.length - KEY_LENGTH_MIN + 1 }, (_, i) =>
    key.slice(i, i + KEY_LENGTH_MIN),
  )
  const isOfKey = (word: string) => pieces.some((piece) => word.includes(piece))
  return message.replaceAll(key, '***').replace(/[^\s"'`,;:()<>]+/g, (word) => (isOfKey(word) ? '***' : word))
}

/**
 * Whether a message repeats a piece of the request, or a word of it, other than the words that errors are made of and
 * those of the LLM's own name. O(message x request), on failures alone.
 */
function quotes(message: string, { body, spec }: Call): boolean {
  const text = plain(message)
  const request = plain(textsOf(body).join('\n'))
  const ours = new Set(wordsOf(plain(`${spec.name} ${spec.model}`)))
  const isTelling = (word: string) =>
    !ORDINARY_WORDS.has(word) && !ours.has(word) && !SHORT_NUMBER.test(word) && request.includes(word)
  return sharesPiece(text, request) || wordsOf(text).some(isTelling)
}

function sharesPiece(message: string, request: string): boolean {
  for (let i = 0; i + QUOTE_LENGTH <= message.length; i += STRIDE) {
    if (request.includes(message.slice(i, i + QUOTE_LENGTH))) return true
  }
  return false
}

function wordsOf(text: string): string[] {
  const pairs = [...text.matchAll(UNSPACED)].map(([, pair = '']) => pair)
  return [...new Set([...(text.match(WORD) ?? []), ...pairs])]
}

/** A text however it was written: as JSON, in capitals, on several lines. */
function plain(text: string): string {
  return text
    .replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\s+/g, ' ')
}

/** All texts of a request, its names among them, without media. Not recursive: a client decides how deep it is. */
function textsOf({ model: _, ...body }: Call['body']): string[] {
  const texts: string[] = []
  const open: unknown[] = [body]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value === 'string' && !MEDIA.test(value)) texts.push(value)
    else if (typeof value === 'number') texts.push(String(value))
    else if (typeof value === 'object' && value !== null) {
      for (const [name, item] of Object.entries(value)) {
        if (!Array.isArray(value)) texts.push(name)
        open.push(item)
      }
    }
  }
  return texts
}
