import * as v from 'valibot'
import { EARLY_REFUSALS } from '../core/forecast/early-refusal.ts'
import { PRIORITIES } from '../core/types.ts'
import { LOG_LEVELS } from './config.ts'
import {
  choice,
  decimal,
  described,
  duration,
  envName,
  flag,
  host,
  integer,
  name,
  size,
  text,
} from './fields.ts'
import { llmSchema, MAX_GUARD_MS, MAX_USD } from './llm-schema.ts'
import { DAY_MS, SECOND_MS } from './units.ts'

const weight = (what: string) =>
  v.optional(described(`How much ${what} counts, at least 0.`, decimal(0, 1e6)))

const weightsSchema = v.strictObject({
  cost: weight('a low price'),
  quality: weight('quality'),
  speed: weight('an early answer (waiting plus serving)'),
})

const generalSchema = v.strictObject({
  listen_address: v.optional(described('Address to listen on. Beyond loopback, define clients.', host())),
  listen_port: v.optional(described('Port to listen on; 0 takes any free one.', integer(0, 65_535)), 8080),
  log_level: v.optional(described('How much is told on standard error.', choice(LOG_LEVELS)), 'info'),
  optimization_weights: v.optional(
    described('What LLMs are chosen by; 0.5 cost and 0.5 quality when not given.', weightsSchema),
  ),
  jitter_guard: v.optional(
    described(
      'How much longer one call may travel to a provider than another, and how far its clock may be off.',
      duration(0, MAX_GUARD_MS),
    ),
    '500ms',
  ),
  max_body: v.optional(described('Largest request body.', size()), '32MiB'),
  admin_key_name: v.optional(
    described("Environment variable that holds the operator's key, for /admin beyond loopback.", envName()),
  ),
  drain: v.optional(described('How long requests may go on after the signal to stop.', duration(0)), '30s'),
})

const ceiling = (priority: string) =>
  v.optional(described(`Share of every limit that ${priority} priority may fill.`, decimal(0.001, 1)), 1)

const ceilingsSchema = v.strictObject({
  high: ceiling('high'),
  normal: ceiling('normal'),
  low: ceiling('low'),
})

const queueSchema = v.strictObject({
  max_requests: v.optional(described('Most requests that may wait.', integer(1, 10_000_000)), 10_000),
  max_bytes: v.optional(described('Most bytes that waiting requests may hold.', size()), '256MiB'),
  max_requests_per_client: v.optional(
    described(
      'Most requests of one client that may wait; max_requests where not given.',
      integer(1, 10_000_000),
    ),
  ),
  max_bytes_per_client: v.optional(
    described('Most bytes that one client may have waiting; max_bytes where not given.', size()),
  ),
  max_wait: v.optional(described('Longest wait of a request that names none.', duration(0)), '120s'),
  heartbeat: v.optional(
    described('First heartbeat of a stream that waits, and the time between two.', duration(100)),
    '5s',
  ),
  ceilings: v.optional(
    described('What each priority leaves of every limit, so that higher ones need not wait.', ceilingsSchema),
    {},
  ),
  pacing: v.optional(
    described(
      'Whether large daily limits are spread over the day, for all but high priority.',
      choice(['on', 'off']),
    ),
    'on',
  ),
  max_attempts: v.optional(described('Most LLMs that may fail one request.', integer(1, 100)), 4),
  early_refusal: v.optional(
    described(
      'Whether a request that would wait too long is refused on arrival; dry_run only logs it.',
      choice(EARLY_REFUSALS),
    ),
    'on',
  ),
})

const eventLogSchema = v.strictObject({
  path: v.optional(described('SQLite file, relative to the configuration file.', text()), 'data/events.db'),
  retention: v.optional(
    described('How long events are kept.', duration(60 * SECOND_MS, 36_500 * DAY_MS)),
    '30d',
  ),
  max_size: v.optional(
    described('The most that the log takes up: the oldest events are deleted first.', size()),
    '2GB',
  ),
  bodies: v.optional(
    described('Reserved: keep prompts and answers too. This version keeps none.', flag()),
    false,
  ),
})

const clientSchema = v.strictObject({
  name: described('Name of the client in the log; unique.', name()),
  api_key_name: described("Environment variable that holds the client's key.", envName()),
  weight: v.optional(described('Share of the client when several wait.', decimal(0.001, 1_000)), 1),
  priority: v.optional(described('Priority of its requests.', choice(PRIORITIES)), 'normal'),
})

const llmNames = () =>
  v.pipe(v.array(text()), v.minLength(1, 'names no LLM; leave it out to mean all of them'))

const modelSchema = v.union(
  [
    llmNames(),
    v.strictObject({
      llms: v.optional(described('Names of LLMs; all when not given.', llmNames())),
      weights: v.optional(described('Weights for these requests.', weightsSchema)),
      min_quality: v.optional(described('Least quality of an LLM, on the scale of quality.', decimal(0, 10))),
      max_cost: v.optional(
        described('Most that one call may be expected to cost, in USD.', decimal(0, MAX_USD)),
      ),
    }),
  ],
  'expected a list of LLMs, or llms and weights',
)

/** The configuration as it is written in a file; its output has durations in ms and sizes in bytes. */
export const configSchema = v.strictObject({
  general: v.optional(described('The server.', generalSchema), {}),
  queue: v.optional(described('Requests that wait.', queueSchema), {}),
  event_log: v.optional(described('The event log.', eventLogSchema), {}),
  clients: v.optional(
    described('Who may ask; without clients, everybody who reaches the address may.', v.array(clientSchema)),
    [],
  ),
  models: v.optional(
    described(
      'Names (or patterns with *) that requests may ask for, and the LLMs that serve them.',
      v.record(v.string(), modelSchema),
    ),
    {},
  ),
  llms: described(
    'The LLMs: each is one model at one provider with its limits.',
    v.pipe(v.array(llmSchema), v.minLength(1, 'lists no LLM')),
  ),
})

export type RawConfig = v.InferOutput<typeof configSchema>
export type RawWeights = v.InferOutput<typeof weightsSchema>
