import * as v from 'valibot'
import { type DecisionType, LESSON_CAUSES } from '../../core/events.ts'
import { type Kind, kind } from './kind.ts'
import { candidate, count, failureClass, field, flag, inForce, reservation, text } from './parts.ts'

const attempts = field('how many attempts it had', count)
const waited = field('how long it waited', count)
const waitedBeforeLast = field('how long it waited until its last attempt', count)
const status = field('HTTP status for the client', count)
const code = field('what went wrong, for programs', text)
const message = field('the same, for people', text)
const cost = field('what it cost by the prices of the configuration', count)
const retryAfter = field('when to come again', v.nullable(count))

const REQUESTS = {
  'request.queued': kind('request', 'No LLM has room: the request waits.', {
    position: field('its place in the queue, from 1', count),
    waiting_for: field('the limit and LLM that bind', text),
    eta_ms: field('when it is expected to start; null when nothing tells', v.nullable(count)),
    would_refuse: v.exactOptional(
      field('true in a dry run of `queue.early_refusal`: it would have been refused', flag),
    ),
    came_again: v.exactOptional(
      field('true where it was refused early before and came when it was told: it goes first', flag),
    ),
  }),
  'request.dispatched': kind('request and llm', 'An attempt starts once this is in the file.', {
    attempt: field('which attempt of the request it is, from 1', count),
    reserved: field('what is set aside for it', reservation),
    wait_ms: field('how long the request had waited', count),
    waited_for: field('the limit that it waited for last', v.nullable(text)),
    candidates: field('every LLM that was looked at', v.array(candidate)),
  }),
  'request.retried': kind('request', 'The attempt failed and the request goes on.', {
    attempt: field('the attempt that failed', count),
    because: field('which [failure](#failure-classes) it was', failureClass),
    message: field("the provider's words", text),
  }),
  'request.completed': kind('request and llm', 'The request has its answer.', {
    attempts,
    input_tokens: field('tokens charged for the prompt', count),
    output_tokens: field('tokens charged for the answer', count),
    estimated: field('whether the provider reported no usage, so that the reservation is charged', flag),
    cost_nano_usd: cost,
    wait_ms: waitedBeforeLast,
    duration_ms: field('from its arrival to its end', count),
  }),
  'request.failed': kind('request, perhaps llm', 'The request ends with an error after an attempt.', {
    attempts,
    status,
    code,
    message,
    cost_nano_usd: cost,
    wait_ms: waitedBeforeLast,
  }),
  'request.rejected': kind('request', 'The request is refused on arrival, or when draining.', {
    status,
    code,
    message,
    retry_after_ms: retryAfter,
  }),
  'request.expired': kind('request', 'The request waited as long as it may.', {
    wait_ms: waited,
    waited_for: field('the limit and LLM that bound', text),
    retry_after_ms: retryAfter,
  }),
} as const

const LLMS = {
  'llm.available': kind('llm', 'The LLM can take requests.', {
    after: field('what it was before', v.picklist(['started', 'exhausted', 'cooling'])),
    ms: field('how long it was that', count),
  }),
  'llm.exhausted': kind('llm', 'A limit of the LLM is used up.', {
    limit: field('name of the limit', text),
    until: field('ms since 1970; null when only the end of a call makes room', v.nullable(count)),
  }),
  'llm.cooling': kind('llm', 'The LLM is left alone for a while.', {
    because: field('the [failure](#failure-classes) that led to it', failureClass),
    message: field("the provider's words", text),
    until: field('ms since 1970', count),
  }),
  'llm.disabled': kind('llm', 'The LLM is not used until the next start.', {
    because: field('why, for people', text),
  }),
  'llm.limit_learned': kind('llm', 'A limit is not as it was taken to be.', {
    limit: field('the declared limit that it is about', text),
    cause: field('what [taught](#lessons) it', v.picklist(LESSON_CAUSES)),
    because: field('the same, for people', text),
    declared: field('what is declared, per window of the limit', count),
    in_force: field('what holds from now on; null when that did not change', v.nullable(inForce)),
    amount: field('what others used of it', v.nullable(count)),
    until: field('until when that counts, in ms since 1970', v.nullable(count)),
  }),
  'llm.crashed': kind('llm', 'The actor of the LLM threw, and was replaced.', {
    message: field('what it threw', text),
  }),
} as const

/** What the balancer made of the facts. */
export const DECISIONS = { ...REQUESTS, ...LLMS } as const satisfies Record<DecisionType, Kind>
