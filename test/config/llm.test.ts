import { expect, test } from 'vitest'
import { formatProblems, parseConfig } from '../../src/config/load.ts'
import type { LlmSpec } from '../../src/core/types.ts'

const BASE = { name: 'A', api_type: 'groq', model: 'm', api_key_name: 'K', context_length: 100 }

/** The LLM of a configuration that has only this one; JSON is YAML too. */
function parsed(llm: object) {
  return parseConfig(JSON.stringify({ llms: [{ ...BASE, ...llm }] }), 'c.yaml')
}
function llmsOf(llm: object): readonly LlmSpec[] {
  const result = parsed(llm)
  if (!result.ok) throw new Error(formatProblems(result.problems))
  return result.config.llms
}
function problemsOf(llm: object): string[] {
  const result = parsed(llm)
  return result.ok
    ? []
    : result.problems.map(({ path, message }) => `${path.replace('llms[0].', '')}: ${message}`)
}

test('the example of an LLM with all keys is read to its full form', () => {
  const [llm] = llmsOf({
    base_url: 'https://api.groq.com/openai/v1/',
    modes: ['text', 'vision', 'text'],
    requests_per_min: 30,
    rate_limit: 6000,
    requests_per_day: 14400,
    tokens_per_day: 500000,
    max_concurrency: 8,
    limits: [{ unit: 'requests', amount: 30, per: '1m', window: 'bucket' }],
    cost_input: 0.59,
    cost_output: 0.79,
    quality: 0.8,
  })
  expect(llm).toMatchObject({
    baseUrl: 'https://api.groq.com/openai/v1',
    keyName: 'K',
    modes: ['text', 'vision'],
    inputPicoUsd: 590_000,
    outputPicoUsd: 790_000,
    quality: 800,
    simulated: null,
  })
  expect(llm!.limits.map(({ name, amount, perMs, window }) => [name, amount, perMs, window])).toEqual([
    ['requests_per_min', 30, 60_000, 'bucket'],
    ['tokens_per_min', 6_000, 60_000, 'bucket'],
    ['requests_per_day', 14_400, 86_400_000, 'bucket'],
    ['tokens_per_day', 500_000, 86_400_000, 'bucket'],
    ['concurrency', 8, 0, 'sliding'],
  ])
})

test('further limits are named after unit and period unless they bring a name', () => {
  const [llm] = llmsOf({
    limits: [
      { unit: 'input_tokens', amount: 5, per: '1h' },
      { unit: 'requests', amount: 5, per: '1s' },
      { unit: 'output_tokens', amount: 5, per: '90s', window: 'fixed', name: 'burst' },
      { unit: 'requests', amount: 9, per: '10s' },
      { unit: 'requests', amount: 9, per: '1d', window: 'calendar', time_zone: 'America/Los_Angeles' },
    ],
  })
  expect(llm!.limits.map(({ name }) => name)).toEqual([
    'input_tokens_per_hour',
    'requests_per_sec',
    'burst',
    'requests_per_10s',
    'requests_per_day',
  ])
  expect(llm!.limits.at(-1)).toMatchObject({ window: 'calendar', timeZone: 'America/Los_Angeles' })
})

test('provider is api_type in another vocabulary, and both may agree', () => {
  expect(llmsOf({ api_type: undefined, provider: 'google-genai' })[0]!.apiType).toBe('google')
  expect(llmsOf({ api_type: 'google', provider: 'google-genai' })[0]!.apiType).toBe('google')
  expect(problemsOf({ provider: 'ollama' })).toEqual([
    'provider: "ollama" contradicts api_type "groq"; give one of the two',
  ])
  expect(problemsOf({ api_type: undefined })).toEqual(['api_type: is required'])
})

test.each([
  ['openai', 'https://api.openai.com/v1', 120_000],
  ['groq', 'https://api.groq.com/openai/v1', 120_000],
  ['google', 'https://generativelanguage.googleapis.com/v1beta', 120_000],
  ['ollama', 'http://localhost:11434', 300_000],
])('%s has the address %s and waits %i ms for a first byte', (apiType, baseUrl, firstByteTimeoutMs) => {
  expect(llmsOf({ api_type: apiType })[0]).toMatchObject({
    baseUrl,
    firstByteTimeoutMs,
    idleTimeoutMs: 60_000,
  })
})

test('price is per thousand tokens, for the output too unless it has a price of its own', () => {
  const prices = (llm: object) =>
    llmsOf(llm).map(({ inputPicoUsd, outputPicoUsd }) => [inputPicoUsd, outputPicoUsd])
  expect(prices({ price: 0.00059 })).toEqual([[590_000, 590_000]])
  expect(prices({ price: 0.00059, cost_output: 0.79 })).toEqual([[590_000, 790_000]])
  expect(prices({ cost_input: 0.075 })).toEqual([[75_000, 0]])
  expect(prices({})).toEqual([[0, 0]])
  expect(problemsOf({ price: 1, cost_input: 1 })).toEqual(['price: give price or cost_input, not both'])
})

test.each([
  [0, 0],
  [0.85, 850],
  [1, 1_000],
  [7.5, 750],
  [10, 1_000],
])('quality %d is %i of 1000', (quality, integer) => {
  expect(llmsOf({ quality })[0]!.quality).toBe(integer)
})

test('an LLM with several keys is several LLMs of one group', () => {
  const keys = { api_key_name: undefined, api_key_names: ['K1', 'K2'] }
  expect(llmsOf(keys).map(({ name, group, keyName }) => [name, group, keyName])).toEqual([
    ['A#1', 'A', 'K1'],
    ['A#2', 'A', 'K2'],
  ])
  expect(llmsOf({ ...keys, api_key_names: ['K1'] }).map(({ name, keyName }) => [name, keyName])).toEqual([
    ['A', 'K1'],
  ])
})

test('no key is needed where none is named: "", ollama and simulated', () => {
  expect(llmsOf({ api_key_name: '' })[0]!.keyName).toBeNull()
  expect(llmsOf({ api_type: 'ollama', api_key_name: undefined })[0]!.keyName).toBeNull()
  expect(llmsOf({ api_type: 'ollama', api_key_name: 'OLLAMA_KEY' })[0]!.keyName).toBe('OLLAMA_KEY')
  expect(problemsOf({ api_key_name: undefined })).toEqual([
    'api_key_name: is required for api_type "groq": the environment variable that holds the key, or "" when none is needed',
  ])
})

test('an LLM that is switched off is known by name only', () => {
  const result = parsed({ enabled: false })
  expect(result.ok && [result.config.llms, result.config.switchedOff]).toEqual([[], ['A']])
})

test.each([
  'sk-proj-abcdefghijklmnop',
  'gsk_abcdefghijklmnop',
  'AIzaSyA0123456789',
  'hf_abcdefghijkl',
  'c0ffee00c0ffee00c0ffee00c0ffee00',
])('a pasted key is recognised and not repeated (%#)', (key) => {
  const result = parsed({ api_key_name: key })
  const told = result.ok ? '' : formatProblems(result.problems)
  expect(told).toContain(
    'this looks like a key itself: put the key in an environment variable and its name here',
  )
  const everywhere = parsed({
    api_key_names: [key],
    name: key,
    model: [key],
    base_url: key,
    modes: [key],
    unit: key,
  })
  expect(told + JSON.stringify(everywhere)).not.toContain(key)
})

const LIMIT = { unit: 'requests', amount: 5, per: '1m' }
test.each<[object, string]>([
  [{ name: 'auto' }, 'name: "auto" means any LLM and cannot be the name of one'],
  [
    { name: 'A#1' },
    'name: expected a name (letters, digits and . _ : / @ + - or a space within, at most 100 characters), got "A#1"',
  ],
  [{ model: '' }, 'model: expected a text, got ""'],
  [
    { api_type: 'grok' },
    'api_type: expected one of openai, groq, google, ollama, simulated, got "grok"; did you mean "groq"?',
  ],
  [
    { api_key_name: 'MY KEY' },
    'api_key_name: expected the name of an environment variable, such as GROQ_API_KEY (not shown in case it is a key)',
  ],
  [{ api_key_names: ['B'] }, 'api_key_names: give api_key_name or api_key_names, not both'],
  [{ api_key_name: undefined, api_key_names: ['B', 'B'] }, 'api_key_names[1]: "B" is listed twice'],
  [
    { api_key_name: undefined, api_key_names: [''] },
    'api_key_names[0]: is empty; "" belongs to api_key_name only',
  ],
  [{ api_key_name: undefined, api_key_names: [] }, 'api_key_names: names no key'],
  [{ base_url: 'ftp://x' }, 'base_url: expected an http:// or https:// address'],
  [{ base_url: 'https://' }, 'base_url: expected an http:// or https:// address'],
  [
    { base_url: 'https://u:p@x/v1' },
    'base_url: takes no user, password, query or fragment: paths are appended to it, and it stands in the log',
  ],
  [
    { base_url: 'https://x/v1?k=1' },
    'base_url: takes no user, password, query or fragment: paths are appended to it, and it stands in the log',
  ],
  [{ context_length: 0 }, 'context_length: expected an integer from 1 to 1000000000, got 0'],
  [{ modes: [] }, 'modes: names no mode'],
  [{ modes: ['images'] }, 'modes[0]: expected one of text, vision, audio, video, other, got "images"'],
  [{ requests_per_min: 0 }, 'requests_per_min: expected an integer of at least 1, got 0'],
  [{ requests_per_min: 1.5 }, 'requests_per_min: expected an integer of at least 1, got 1.5'],
  [{ requests_per_min: '30' }, 'requests_per_min: expected an integer of at least 1, got "30"'],
  [{ quality: 11 }, 'quality: expected a number from 0 to 10, got 11'],
  [{ cost_input: -1 }, 'cost_input: expected a number from 0 to 1000000, got -1'],
  [
    { idle_timeout: 60 },
    'idle_timeout: expected a duration with its unit (ms, s, m, h or d) such as "120s", got 60',
  ],
  [{ idle_timeout: '25d' }, 'idle_timeout: expected a duration from 1ms to 24d, got 25d'],
  [{ enabled: 'yes' }, 'enabled: expected true or false, got "yes"'],
  [{ simulated: {} }, 'simulated: belongs to api_type "simulated" only'],
  [
    { api_type: 'simulated', base_url: 'http://x' },
    'base_url: a simulated LLM calls nothing and takes no address',
  ],
  [
    { api_type: 'simulated', simulated: { faults: { hang: 0.6, error_500: 0.6 } } },
    'simulated.faults: the shares add up to more than 1',
  ],
  [{ rate_limit: 5, tokens_per_min: 6 }, 'rate_limit: the same unit and period as tokens_per_min'],
  [{ requests_per_min: 6, limits: [LIMIT] }, 'limits[0]: the same unit and period as requests_per_min'],
  [
    { limits: [LIMIT, { ...LIMIT, window: 'fixed', per: '60s' }] },
    'limits[1]: the same unit and period as limits[0]',
  ],
  [
    {
      limits: [
        { ...LIMIT, name: 'x' },
        { ...LIMIT, name: 'x', per: '1h' },
      ],
    },
    'limits[1]: the name "x" is used twice',
  ],
  [
    { max_concurrency: 2, limits: [{ unit: 'concurrency', amount: 3 }] },
    'limits[0]: the same unit and period as max_concurrency',
  ],
  [{ limits: [{ ...LIMIT, unit: 'concurrency' }] }, 'limits[0].per: concurrency has no period'],
  [{ limits: [{ unit: 'tokens', amount: 1 }] }, 'limits[0].per: is required for tokens'],
  [{ limits: [{ ...LIMIT, time_zone: 'UTC' }] }, 'limits[0].time_zone: belongs to calendar windows only'],
  [
    { limits: [{ ...LIMIT, window: 'calendar', time_zone: 'UTC' }] },
    'limits[0].per: a calendar window lasts 1d or 1mo',
  ],
  [
    { limits: [{ ...LIMIT, per: '1d', window: 'calendar' }] },
    'limits[0].time_zone: is required for a calendar window, such as "America/Los_Angeles"',
  ],
  [
    { limits: [{ ...LIMIT, per: '1d', window: 'calendar', time_zone: 'Mars/Base' }] },
    'limits[0].time_zone: "Mars/Base" is no IANA time zone',
  ],
])('%j is refused: %s', (llm, problem) => {
  expect(problemsOf(llm)).toEqual([problem])
})

test('synonyms that agree are one limit', () => {
  expect(llmsOf({ rate_limit: 5, tokens_per_min: 5 })[0]!.limits).toHaveLength(1)
})
