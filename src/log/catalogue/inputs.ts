import * as v from 'valibot'
import type { InputType } from '../../core/events.ts'
import { MODES, PRIORITIES } from '../../core/types.ts'
import { type Kind, kind } from './kind.ts'
import {
  count,
  failureClass,
  field,
  flag,
  integer,
  limitReport,
  namedLimit,
  startsDisabled,
  text,
  usage,
  weights,
} from './parts.ts'

const attempt = field('which attempt of the request it is, from 1', count)
const duration = field('from its start to its end', count)

const started = kind('nothing', 'A process began; every decision up to the next one is its own.', {
  version: field('version of the program', text),
  runtime: field('name and version of the runtime', text),
  seed: field('begins the ids of its requests', count),
  config_hash: field('SHA-256 of the canonical JSON of `config`', text),
  config: field('the configuration in its full form, without secrets', v.unknown()),
  recovered_at: field(
    'as of when the state at the start was taken from the log, in ms since 1970; null where version 1 did not say',
    v.nullable(count),
  ),
  disabled: field('the LLMs that cannot be used in this environment', v.array(startsDisabled)),
})

const received = kind('request', 'A request came in and is in order.', {
  client: field('name of the client', text),
  endpoint: field('what was asked for; `chat`', text),
  model: field('the model that the client asked for', text),
  modes: field('what the request holds', v.array(v.picklist(MODES))),
  tools: field('whether it offers tools', flag),
  structured: field('whether it asks for JSON', flag),
  stream: field('whether the answer is to be streamed', flag),
  body_bytes: field('size of its body', count),
  input_tokens: field('estimate of its prompt, before what was learned of each LLM', count),
  output_tokens: field("the client's bound on the answer", v.nullable(count)),
  choices: field('how many answers are asked for at once', count),
  priority: field('its priority', v.picklist(PRIORITIES)),
  max_wait_ms: field('the longest it may wait', count),
  weights: field("the client's own weights", v.nullable(weights)),
  min_quality: field('least quality of an LLM, in thousandths', v.nullable(count)),
  max_cost_nano_usd: field('most that the call may cost by its estimate', v.nullable(count)),
})

const finished = kind('request and llm', 'An attempt gave a whole answer.', {
  attempt,
  status: field('HTTP status', count),
  limits: field('what its limit headers said; empty for a stream', v.array(limitReport)),
  usage: field('what the provider counted', v.nullable(usage)),
  finish_reason: field('why the answer ended', v.nullable(text)),
  first_byte_ms: field('from the start to the first byte', count),
  duration_ms: duration,
  output_bytes: field('size of the answer', count),
})

const failed = kind('request and llm', 'An attempt gave no answer, or broke off.', {
  class: field('which [failure](#failure-classes) it is', failureClass),
  status: field('HTTP status, or null where nothing was answered', v.nullable(count)),
  message: field("the provider's words, shortened, without keys and prompts", text),
  retry_after_ms: field('how long the provider asked to wait', v.nullable(count)),
  limit: field('the limit that the provider named', v.nullable(namedLimit)),
  attempt,
  duration_ms: duration,
  delivered: field('whether the client had got a part of the answer', flag),
  limits: field('what its limit headers said', v.array(limitReport)),
})

/** Facts from outside. */
export const INPUTS = {
  'process.started': started,
  'request.received': received,
  'request.abandoned': kind(
    'request',
    'The client left, which ends the request; a place that its call took comes back after the guard.',
    { while: field('what it left', v.picklist(['queued', 'running'])) },
  ),
  'attempt.started': kind('request and llm', 'The head of a streamed answer.', {
    attempt,
    status: field('HTTP status', count),
    headers_ms: field('from the start to the head', count),
    limits: field('what its limit headers said', v.array(limitReport)),
  }),
  'attempt.finished': finished,
  'attempt.failed': failed,
  'timer.fired': kind('nothing', 'A timer of the balancer fired.', {
    timer: field('its ordinal since the process started', count),
  }),
  'config.changed': kind('nothing', 'Reserved: a configuration is read at the start only.', {
    config_hash: field('as in `process.started`', text),
    config: field('as in `process.started`', v.unknown()),
  }),
  'clock.jumped': kind('nothing', 'The wall clock was set; `at` goes on evenly.', {
    by_ms: field('by how much, less than 0 for backwards', integer),
  }),
  'log.resumed': kind('nothing', 'The log can be written again.', {
    dropped: field('how many of the events before this one are missing because of that', count),
    failing_ms: field('how long it could not be written', count),
  }),
  'process.stopping': kind('nothing', 'The process is asked to end.', {
    reason: field('the signal', text),
    drain_ms: field('how long requests under way may go on', count),
  }),
} as const satisfies Record<InputType, Kind>
