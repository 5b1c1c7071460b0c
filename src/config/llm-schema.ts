import * as v from 'valibot'
import { API_TYPES, CHARGE_RULES, MODES, UNITS, WINDOW_KINDS } from '../core/types.ts'
import {
  amount,
  baseUrl,
  choice,
  decimal,
  described,
  duration,
  envName,
  flag,
  integer,
  name,
  period,
  text,
} from './fields.ts'
import { DAY_MS } from './units.ts'

/** The values of `provider`, and the api_type each stands for. */
export const PROVIDERS = {
  openai: 'openai',
  groq: 'groq',
  google: 'google',
  'google-genai': 'google',
  ollama: 'ollama',
  simulated: 'simulated',
} as const
const PROVIDER_NAMES = Object.keys(PROVIDERS) as (keyof typeof PROVIDERS)[]

/** Longest window of a limit. */
const MAX_PERIOD_MS = 400 * DAY_MS
export const MAX_USD = 1_000_000
/** Longest `jitter_guard`. */
export const MAX_GUARD_MS = 60_000

const limitSchema = v.strictObject({
  unit: described('What is counted.', choice(UNITS)),
  amount: described('Most units in one window.', amount()),
  per: v.optional(
    described('Length of the window, 1mo for a month; none for concurrency.', period(MAX_PERIOD_MS)),
  ),
  window: v.optional(
    described('How the provider counts; as known of the provider, else sliding.', choice(WINDOW_KINDS)),
  ),
  time_zone: v.optional(described('IANA time zone whose midnight starts a calendar window.', text())),
  phase: v.optional(
    described(
      'When fixed windows begin, after midnight UTC; 0s for those of the clock.',
      duration(0, MAX_PERIOD_MS),
    ),
  ),
  burst: v.optional(described('Most units that a bucket holds; the amount when not given.', amount())),
  quantum: v.optional(
    described(
      'A part of the period that the provider also keeps the limit in.',
      duration(100, MAX_PERIOD_MS),
    ),
  ),
  charge: v.optional(
    described(
      'When tokens count, and how many; as known of the provider, else unknown.',
      choice(CHARGE_RULES),
    ),
  ),
  jitter_guard: v.optional(described('That of general, for this limit.', duration(0, MAX_GUARD_MS))),
  pace: v.optional(
    described('Whether it is spread over the day; large limits of a day or longer are.', flag()),
  ),
  name: v.optional(
    described('Name in messages and in the log. LLMs and keys that name the same limit share it.', name()),
  ),
})

const faultsSchema = v.strictObject({
  error_500: v.optional(described('Share of calls that answer 500.', decimal(0, 1)), 0),
  error_429: v.optional(described('Share of calls that answer 429.', decimal(0, 1)), 0),
  hang: v.optional(described('Share of calls that never answer.', decimal(0, 1)), 0),
})

/** The block `simulated:`; an empty one gives all defaults. */
export const simulatedSchema = v.strictObject({
  tokens_per_second: v.optional(described('Speed of an answer.', decimal(0.1, 1e6)), 200),
  latency: v.optional(described('Time before an answer begins.', duration(0)), '200ms'),
  output_tokens: v.optional(described('Tokens of an answer.', integer(1, 1_000_000)), 40),
  seed: v.optional(described('Seed of what it says and of its faults.', integer(0, 0xffff_ffff)), 1),
  faults: v.optional(described('Faults it makes on purpose.', faultsSchema), {}),
})

const identityEntries = {
  name: described('Name of the LLM, unique; requests may ask for it as their model.', name()),
  enabled: v.optional(described('false switches the LLM off.', flag()), true),
  api_type: v.optional(described('Which API it speaks.', choice(API_TYPES))),
  provider: v.optional(described('The same as api_type, in another vocabulary.', choice(PROVIDER_NAMES))),
  model: described("The provider's own id of the model.", text()),
  base_url: v.optional(described('Address of the API; each api_type has its own default.', baseUrl())),
  api_key_name: v.optional(
    described('Environment variable that holds the key; "" when none is needed.', envName()),
  ),
  api_key_names: v.optional(
    described(
      'Several keys of different accounts, each with the limits given here.',
      v.pipe(v.array(envName()), v.minLength(1, 'names no key')),
    ),
  ),
}

const limitEntries = {
  requests_per_min: v.optional(described('Most requests in a minute.', amount())),
  requests_per_day: v.optional(described('Most requests in a day.', amount())),
  tokens_per_min: v.optional(described('Most tokens, input and output, in a minute.', amount())),
  rate_limit: v.optional(described('The same as tokens_per_min.', amount())),
  tokens_per_day: v.optional(described('Most tokens, input and output, in a day.', amount())),
  max_concurrency: v.optional(described('Most calls under way at once.', amount())),
  limits: v.optional(described('Further limits in full form.', v.array(limitSchema)), []),
  strict: v.optional(
    described('true sets aside the longest possible answer, never the likely one.', flag()),
    false,
  ),
}

const valueEntries = {
  context_length: v.optional(
    described('Tokens of input and output that fit in; 8192 when not given.', integer(1, 1_000_000_000)),
  ),
  modes: v.optional(
    described('What it takes in.', v.pipe(v.array(choice(MODES)), v.minLength(1, 'names no mode'))),
    ['text'],
  ),
  cost_input: v.optional(described('USD per million input tokens.', decimal(0, MAX_USD))),
  cost_output: v.optional(described('USD per million output tokens.', decimal(0, MAX_USD))),
  price: v.optional(
    described(
      'USD per thousand tokens, input and output (output: unless cost_output is given).',
      decimal(0, 1_000),
    ),
  ),
  quality: v.optional(described('0 to 1; above 1 it is read on a scale of 1 to 10.', decimal(0, 10)), 0.5),
  first_byte_timeout: v.optional(
    described('Longest silence before an answer begins; 120s, for ollama 300s.', duration(1)),
  ),
  idle_timeout: v.optional(described('Longest silence within an answer.', duration(1)), '60s'),
  simulated: v.optional(described('Settings of an LLM of api_type simulated.', simulatedSchema)),
}

/** One entry of `llms:`. */
export const llmSchema = v.strictObject({ ...identityEntries, ...limitEntries, ...valueEntries })

export type RawLlm = v.InferOutput<typeof llmSchema>
export type RawLimit = v.InferOutput<typeof limitSchema>
