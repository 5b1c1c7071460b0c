import type { Failure } from './events.ts'

/** An answer to the client that is not a provider's: status and the fields of OpenAI's error object. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly retryAfterMs: number | null
}

/** Sooner than that nothing will have changed. */
const RETRY_MS_LEAST = 1000

/** Nothing has the name that was asked for. */
export function unknownModel(asked: string, known: readonly string[]): Refusal {
  const message = `The model "${asked}" does not exist here. Known names: ${known.join(', ')}.`
  return { status: 404, code: 'model_not_found', message, retryAfterMs: null }
}

/** An LLM that can never take a request, and why. */
export interface Unfit {
  readonly llm: string
  readonly excluded: string
  /** Whether it could, but for the bounds on quality and price. */
  readonly isBound?: boolean
}

/** No LLM can ever take the request; `reasons` has one entry for each that was looked at. */
export function fitsNowhere(reasons: readonly Unfit[]): Refusal {
  if (reasons.some(({ isBound }) => isBound)) return outOfBounds(reasons)
  const tooLong = reasons.some(({ excluded }) => excluded.includes('below'))
  const list = reasons.map(({ llm, excluded }) => `${llm}: ${excluded}`).join('; ')
  const message = tooLong
    ? `This request is too large for every LLM it may go to (${list}). Shorten it, lower max_tokens, or ask for another model.`
    : `No LLM that this request may go to can take it (${list}). Ask for another model, or add an LLM with that mode.`
  return {
    status: 400,
    code: tooLong ? 'context_length_exceeded' : 'unsupported_mode',
    message,
    retryAfterMs: null,
  }
}

/** What could take the request is left out by the bounds of the request or of its name under `models:`. */
function outOfBounds(reasons: readonly Unfit[]): Refusal {
  const list = reasons.map(({ llm, excluded }) => `${llm}: ${excluded}`).join('; ')
  const message = `No LLM that this request may go to is within its bounds (${list}). Lower min_quality, raise max_cost, lower max_tokens, or ask for another model.`
  return { status: 400, code: 'out_of_bounds', message, retryAfterMs: null }
}

/** The LLMs that could take it exist, but none is switched on. */
export function noneEnabled(reasons: readonly { llm: string; because: string | null }[]): Refusal {
  const list = reasons.map(({ llm, because }) => `${llm}: ${because ?? 'disabled'}`).join('; ')
  const message = `No LLM that could take this request is enabled (${list}).`
  return { status: 503, code: 'no_llm_enabled', message, retryAfterMs: null }
}

/** Requests are refused while the event log does not take what they would bring. */
export function logUnavailable(isSlow: boolean): Refusal {
  const why = isSlow ? 'too much waits for a slow disk' : 'the event log cannot be written'
  const message = `The load balancer takes no requests at the moment: ${why}. Send this one again later.`
  return { status: 503, code: 'log_unavailable', message, retryAfterMs: RETRY_MS_LEAST }
}

export function queueFull(bound: string, waitingFor: string, retryAfterMs: number | null): Refusal {
  const message = `The queue is full (${bound}); requests wait for ${waitingFor}. Send this one again later.`
  return { status: 503, code: 'queue_full', message, retryAfterMs }
}

export function draining(): Refusal {
  const message = 'The load balancer is shutting down and takes no new requests.'
  return { status: 503, code: 'shutting_down', message, retryAfterMs: 5000 }
}

/** `waitMs` is what it allows, `startMs` when it is expected to start, from now. Sent again by then, it is in time. */
export function waitTooLong(waitMs: number, waitingFor: string, startMs: number): Refusal {
  const retryAfterMs = Math.max(RETRY_MS_LEAST, startMs - waitMs)
  const message = `This request may wait for ${waitMs} ms, but no LLM is expected to have room within ${startMs} ms; it would wait for ${waitingFor}. Send it again in ${retryAfterMs} ms, or allow a longer wait with the header x-llb-max-wait or queue.max_wait.`
  return { status: 429, code: 'wait_too_long', message, retryAfterMs }
}

export function expired(waitMs: number, waitedFor: string, retryAfterMs: number | null): Refusal {
  const message = `No LLM had room within ${waitMs} ms; the request waited for ${waitedFor}. Send it again later, or allow a longer wait with the header x-llb-max-wait or queue.max_wait.`
  return { status: 429, code: 'wait_expired', message, retryAfterMs }
}

/** How a request ends whose last attempt failed for good. */
export function failed(failure: Failure, llm: string, attempts: number): Refusal {
  const said =
    failure.status === null
      ? `${llm}: ${failure.message}`
      : `${llm} answered ${failure.status}: ${failure.message}`
  const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`
  switch (failure.class) {
    case 'bad_request':
    case 'too_large': {
      const code = failure.class === 'too_large' ? 'context_length_exceeded' : 'upstream_rejected'
      return {
        status: clientError(failure.status),
        code,
        message: said,
        retryAfterMs: null,
      }
    }
    case 'timeout':
      return {
        status: 504,
        code: 'upstream_timeout',
        message: `No answer in time after ${tries}; ${said}`,
        retryAfterMs: null,
      }
    default:
      return {
        status: 502,
        code: 'upstream_failed',
        message: `No answer after ${tries}; ${said}`,
        retryAfterMs: null,
      }
  }
}

/** A provider may report a fault of the request inside an answer of status 200, or before there is any. */
function clientError(status: number | null): number {
  return status !== null && status >= 400 && status < 500 ? status : 400
}
