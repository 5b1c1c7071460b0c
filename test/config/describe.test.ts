import { expect, test } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { describeConfig } from '../../src/config/describe.ts'
import { formatProblems, parseConfig } from '../../src/config/load.ts'
import { configHash, redact } from '../../src/config/redact.ts'
import { startWarnings } from '../../src/config/warnings.ts'

const TEXT = `
general: { listen_address: 0.0.0.0 }
event_log: { path: /var/llb/events.db }
clients: [ { name: dev, api_key_name: LLB_KEY, weight: 2 }, { name: night, api_key_name: LLB_NIGHT, priority: low } ]
models: { "gpt-4o*": [Groq], fast: { weights: { speed: 1 } } }
llms:
  - { name: Groq, api_type: groq, model: gpt-oss, api_key_name: GROQ_API_KEY, context_length: 131072,
      requests_per_min: 30, rate_limit: 6000, max_concurrency: 8, cost_input: 0.59, cost_output: 0.79, quality: 8 }
  - { name: Gem, api_type: google, model: flash, api_key_name: GEM, context_length: 1000000,
      limits: [ { unit: requests, amount: 20, per: 1d, window: calendar, time_zone: UTC } ] }
  - { name: Sim, api_type: simulated, model: s }
  - { name: Old, api_type: ollama, model: s, enabled: false, context_length: 10 }
`

function configOf(text: string): Config {
  const result = parseConfig(text, 'config.yaml')
  if (!result.ok) throw new Error(formatProblems(result.problems))
  return result.config
}

test('a configuration is described with what its environment makes of it', () => {
  expect(describeConfig(configOf(TEXT), { GROQ_API_KEY: 'secret-1', LLB_KEY: 'secret-2', GEM: '' })).toBe(
    `
listens on    http://0.0.0.0:8080
chooses by    cost 0.5, quality 0.5, speed 0
queue         10,000 requests, 2m at most
event log     /var/llb/events.db, kept for 30d

LLMs (nothing was contacted)
  name  api type   model    state                     context    USD/M in  out   quality  limits
  Groq  groq       gpt-oss  available                 131,072    0.59      0.79  0.8      30 requests/min, 6,000 tokens/min, 8 at once
  Gem   google     flash    disabled: GEM is not set  1,000,000  0         0     0.5      20 requests/day
  Sim   simulated  s        available                 8,192      0         0     0.5      none

limits, how they are counted, and when a call counts
  Groq  requests_per_min  30 requests/min   refilled all the time    on arrival
  Groq  tokens_per_min    6,000 tokens/min  refilled all the time    reserved at the start, nothing given back
  Groq  concurrency       8 at once         calls under way          until its end
  Gem   requests_per_day  20 requests/day   anew at midnight in UTC  on arrival

switched off
  Old

models
  gpt-4o* -> Groq
  fast -> any LLM, chosen by cost 0, quality 0, speed 1

clients
  dev    LLB_KEY is set        weight 2  priority normal
  night  LLB_NIGHT is not set  weight 1  priority low

warnings
  client night cannot be let in: LLB_NIGHT is not set
  LLM Gem is disabled: GEM is not set
`.slice(1),
  )
})

test('every kind of limit is told in words, and who shares it', () => {
  const text = `llms:
  - { name: A, api_type: openai, base_url: http://127.0.0.1:1/v1, model: m, api_key_names: [K, L], context_length: 9, limits: [
      { unit: requests, amount: 60, per: 1m, quantum: 1s, name: account },
      { unit: tokens, amount: 9000, per: 1h, window: fixed, charge: actual_at_end },
      { unit: tokens, amount: 9000, per: 10m, window: fixed, phase: 0s, charge: actual_as_produced },
      { unit: tokens, amount: 9000, per: 1m, window: fixed, phase: 15s, charge: reserve_trueup },
      { unit: input_tokens, amount: 9000, per: 1m, window: bucket, burst: 100, charge: input_uncached_only },
      { unit: output_tokens, amount: 9000, per: 1m, window: universal },
      { unit: tokens, amount: 9000, per: 1mo, window: calendar, time_zone: UTC, charge: reserve_no_refund },
      { unit: concurrency, amount: 3 } ] }`
  const lines = describeConfig(configOf(text), {}).split('\n')
  const limits = lines.slice(lines.findIndex((line) => line.startsWith('limits')) + 1)
  expect(limits.slice(0, 9).map((line) => line.trim().split(/ {2,}/).slice(1))).toEqual([
    ['account', '60 requests/min', 'within any 1m', 'on arrival', 'shared with A#2'],
    [
      ...['tokens_per_hour', '9,000 tokens/hour', 'a window of 1h from an unknown start, kept within any 1h'],
      'what was used, at the end',
    ],
    [
      ...['tokens_per_10m', '9,000 tokens/10m', 'a window of 10m that begins on the clock'],
      'what was used, as it is produced',
    ],
    [
      ...['tokens_per_min', '9,000 tokens/min', 'a window of 1m that begins 15s after the clock'],
      'reserved at the start, what was not used is given back',
    ],
    [
      ...['input_tokens_per_min', '9,000 input tokens/min', 'refilled all the time, 100 at once'],
      'input that was not cached, at the start',
    ],
    [
      ...['output_tokens_per_min', '9,000 output tokens/min', 'within any 1m, however it is counted'],
      'unknown when: held until the end, then what was used',
    ],
    [
      ...['tokens_per_month', '9,000 tokens/month', 'anew at the first of the month in UTC'],
      'reserved at the start, nothing given back',
    ],
    ['concurrency', '3 at once', 'calls under way', 'until its end'],
    ['account/1s', '1 requests/sec', 'within any 1s', 'on arrival', 'shared with A#2'],
  ])
})

test('what is kept back of a limit is told with it', () => {
  const text = `queue: { ceilings: { normal: 0.9, low: 0.125 } }
llms:
  - { name: A, api_type: ollama, model: m, context_length: 9, requests_per_day: 1000, limits: [
      { unit: requests, amount: 5000, per: 1mo, window: calendar, time_zone: UTC },
      { unit: tokens, amount: 9, per: 2d, pace: true, name: both } ] }
  - { name: B, api_type: ollama, model: m, context_length: 9, limits: [
      { unit: tokens, amount: 9, per: 2d, pace: true, name: both }, { unit: concurrency, amount: 3 } ] }`
  const kept = 'at most 90 % for normal priority, 12.5 % for low priority'
  const ends = (config: string) =>
    describeConfig(configOf(config), {})
      .split('\n')
      .filter((line) => /^ {2}[AB] .* (on arrival|held until|until its end)/.test(line))
      .map((line) => line.replace(/.*(on arrival|what was used|until its end) */, ''))
  expect(ends(text)).toEqual([
    `paced; ${kept}`,
    `paced; ${kept}`,
    `paced; ${kept}; shared with B`,
    `paced; ${kept}; shared with A`,
    kept,
  ])
  const plain = text.replace(/^queue:.*/, 'queue: { pacing: off }').replaceAll('pace: true', 'pace: false')
  expect(ends(plain)).toEqual(['', '', 'shared with B', 'shared with A', ''])
})

test.each([
  [
    '{ listen_address: 0.0.0.0 }',
    ['listening on 0.0.0.0 without clients: everybody who reaches it can spend your quotas'],
  ],
  [
    '{ listen_address: "::" }',
    ['listening on :: without clients: everybody who reaches it can spend your quotas'],
  ],
  ['{ listen_address: "::1" }', []],
  ['{ listen_address: localhost }', []],
  ['{ listen_address: 127.0.0.2 }', []],
])('with general %s an open door is warned about: %j', (general, warnings) => {
  const text = `general: ${general}\nllms: [{ name: O, api_type: ollama, model: m, context_length: 9 }]`
  expect(startWarnings(configOf(text), {})).toEqual(warnings)
})

test('it is told when no real LLM is left, or none at all', () => {
  const groq = '{ name: G, api_type: groq, model: m, api_key_name: K, context_length: 9 }'
  const simulated = '{ name: S, api_type: simulated, model: m }'
  expect(startWarnings(configOf(`models: { x: [G] }\nllms: [${groq}, ${simulated}]`), {})).toEqual([
    'LLM G is disabled: K is not set',
    'only simulated LLMs are available: no answer comes from a real model',
    'models: none of the LLMs of "x" is available',
  ])
  expect(startWarnings(configOf(`llms: [${groq}]`), {})).toEqual([
    'LLM G is disabled: K is not set',
    'no LLM is available: every request will be refused',
  ])
})

test('the file is warned about where it leaves something to be guessed', () => {
  const text = `llms:
  - { name: A, api_type: ollama, model: m, quality: 1 }
  - { name: B, api_type: ollama, model: m, quality: 8, context_length: 9 }`
  expect(parseConfig(text, 'c.yaml')).toMatchObject({
    ok: true,
    warnings: [
      'llms[0] A: context_length is not given; 8192 is assumed',
      'llms[0] A: quality 1 is the best there is; on a scale of 1 to 10 write 0.1',
    ],
  })
})

test('the redacted configuration is the configuration without what an address may carry', () => {
  const config = configOf(TEXT)
  expect(redact(config)).toEqual(config)
  const llm = { ...config.llms[0]!, baseUrl: 'https://user:pass@host:81/v1/?key=abc#x' }
  expect(redact({ ...config, llms: [llm] })).toMatchObject({ llms: [{ baseUrl: 'https://host:81/v1' }] })
})

test('the hash depends on what a configuration says and not on the order of its keys', () => {
  const one = configOf(
    'queue: { max_wait: 5s, max_attempts: 2 }\nllms: [{ name: A, api_type: simulated, model: m }]',
  )
  const same = configOf(
    'llms: [{ model: m, name: A, provider: simulated }]\nqueue: { max_attempts: 2, max_wait: 5000ms }',
  )
  const other = configOf(
    'queue: { max_wait: 6s, max_attempts: 2 }\nllms: [{ name: A, api_type: simulated, model: m }]',
  )
  expect(configHash(one)).toMatch(/^[0-9a-f]{64}$/)
  expect(configHash(same)).toBe(configHash(one))
  expect(configHash(other)).not.toBe(configHash(one))
})
