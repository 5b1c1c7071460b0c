import type { Failure } from '../core/events.ts'
import type { Call } from './adapter.ts'

/** Stands in the log for words of a provider that are not kept. */
export const WITHHELD = 'its words are not kept, since they may quote the request'

/** What a provider says of these, it says of the request. */
const ABOUT_THE_REQUEST: ReadonlySet<Failure['class']> = new Set([
  'bad_request',
  'too_large',
  'invalid_answer',
])

/** A request that was never sent, or an answer of success that is none, is described in our own words. */
const isOwnWords = ({ status }: Failure) => status === null || status < 400

/** Shorter keys are no secrets, and replacing them would garble every message. */
const KEY_LENGTH_MIN = 8
/** A quote of `QUOTE_LENGTH + STRIDE` characters of the request is always found. */
const QUOTE_LENGTH = 16
const STRIDE = 8

/**
 * A failure as it may stand in the log: without the LLM's key, which some providers repeat, and without words that
 * quote the request. `said` is what the provider said, for the client whose request it was.
 */
export function discreet(failure: Failure, call: Call): { failure: Failure; said: string } {
  const said = withoutKey(failure.message, call.apiKey)
  const isAboutIt = ABOUT_THE_REQUEST.has(failure.class) && !isOwnWords(failure)
  const withheld = isAboutIt || quotes(said, call)
  return { failure: { ...failure, message: withheld ? WITHHELD : said }, said }
}

function withoutKey(message: string, key: string | null): string {
  return key === null || key.length < KEY_LENGTH_MIN ? message : message.replaceAll(key, '***')
}

/** Whether a message repeats a piece of the request's messages. O(message x request), on failures alone. */
function quotes(message: string, { body }: Call): boolean {
  const request = JSON.stringify(body.messages)
  for (let i = 0; i + QUOTE_LENGTH <= message.length; i += STRIDE) {
    if (request.includes(message.slice(i, i + QUOTE_LENGTH))) return true
  }
  return false
}
