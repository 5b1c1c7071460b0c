import { describe, expect, test } from 'vitest'
import { formatProblems, parseConfig } from '../../src/config/load.ts'
import type { Limit } from '../../src/core/types.ts'

const BASE = { name: 'A', api_type: 'openai', model: 'm', api_key_name: 'K', context_length: 100 }
const ELSEWHERE = { base_url: 'http://127.0.0.1:1/v1' }
const LIMIT = { unit: 'requests', amount: 60, per: '1m' }

/** JSON is YAML too. */
function parsed(llms: readonly object[], general: object = {}) {
  const named = llms.map((llm, i) => ({ ...BASE, name: `L${i}`, ...llm }))
  return parseConfig(JSON.stringify({ general, llms: named }), 'c.yaml')
}

function limitsOf(llm: object, general: object = {}): readonly Limit[] {
  const result = parsed([llm], general)
  if (!result.ok) throw new Error(formatProblems(result.problems))
  return result.config.llms[0]!.limits
}

function problemsOf(...llms: object[]): string[] {
  const result = parsed(llms)
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`)
}

const short = { requests_per_min: 5, tokens_per_min: 600, requests_per_day: 70, tokens_per_day: 8000 }
const kindsOf = (limits: readonly Limit[]) =>
  limits.map(({ name, window, charge, timeZone }) => [name, window, charge, timeZone].join(' '))

describe('what is known of a provider', () => {
  const refilling = [
    'requests_per_min bucket unknown ',
    'tokens_per_min bucket reserve_no_refund ',
    'requests_per_day bucket unknown ',
    'tokens_per_day bucket reserve_no_refund ',
  ]
  const sliding = [
    'requests_per_min sliding unknown ',
    'tokens_per_min sliding unknown ',
    'requests_per_day sliding unknown ',
    'tokens_per_day sliding unknown ',
  ]
  const californian = [
    'requests_per_min sliding unknown ',
    'input_tokens_per_min sliding unknown ',
    'requests_per_day calendar unknown America/Los_Angeles',
    'input_tokens_per_day calendar unknown America/Los_Angeles',
  ]

  test.each([
    ['openai', refilling],
    ['groq', refilling],
    ['google', californian],
    ['ollama', sliding],
    ['simulated', sliding],
  ])('holds for the short keys: %s', (api_type, expected) => {
    expect(kindsOf(limitsOf({ api_type, ...short }))).toEqual(expected)
  })

  test('holds at its own address only', () => {
    expect(kindsOf(limitsOf({ ...ELSEWHERE, ...short }))).toEqual(sliding)
    expect(kindsOf(limitsOf({ base_url: 'https://api.openai.com/v1/', ...short }))).toEqual(refilling)
    const proxied = limitsOf({ api_type: 'google', ...ELSEWHERE, ...short })
    expect(kindsOf(proxied)).toEqual(sliding)
  })

  test('gives way to what is declared', () => {
    const rest = { window: 'universal', charge: 'reserve_trueup' }
    const full = { unit: 'tokens', amount: 600, per: '1m' }
    expect(kindsOf(limitsOf({ ...short, limits: [{ ...full, ...rest }] }))[1]).toBe(
      'tokens_per_min universal reserve_trueup ',
    )
    expect(kindsOf(limitsOf({ ...short, limits: [{ ...full, window: 'fixed' }] }))[1]).toBe(
      'tokens_per_min fixed reserve_no_refund ',
    )
    const day = { unit: 'requests', amount: 7, per: '1d', window: 'calendar' }
    expect(limitsOf({ api_type: 'google', limits: [day] })[0]!.timeZone).toBe('America/Los_Angeles')
    expect(limitsOf({ api_type: 'google', limits: [{ ...day, time_zone: 'UTC' }] })[0]!.timeZone).toBe('UTC')
  })
})

describe('a limit in full form', () => {
  test('is read with all that it says', () => {
    const rest = { window: 'fixed', phase: '90s', jitter_guard: '50ms', name: 'org' }
    expect(limitsOf({ limits: [{ ...LIMIT, ...rest }] })).toEqual([
      {
        ...{ name: 'org', unit: 'requests', amount: 60, perMs: 60_000, window: 'fixed', timeZone: null },
        ...{ phaseMs: 30_000, burst: null, charge: 'unknown', shared: 'org', guardMs: 50 },
      },
    ])
    const bucket = { ...LIMIT, window: 'bucket', burst: 5 }
    expect(limitsOf({ limits: [bucket] })[0]).toMatchObject({ burst: 5, shared: null, guardMs: 500 })
  })

  test('takes the jitter guard of all where it has none of its own', () => {
    const limits = limitsOf({ ...short, limits: [{ ...LIMIT, per: '1h' }] }, { jitter_guard: '1s' })
    expect(limits.map(({ guardMs }) => guardMs)).toEqual([1000, 1000, 1000, 1000, 1000])
  })

  test('of a month is one of the calendar, or as long as the longest', () => {
    const month = { ...LIMIT, per: '1mo' }
    expect(limitsOf({ limits: [month] })[0]).toMatchObject({
      name: 'requests_per_month',
      perMs: 2_678_400_000,
    })
    const calendar = { ...month, window: 'calendar', time_zone: 'UTC' }
    expect(limitsOf({ limits: [calendar] })[0]).toMatchObject({ window: 'calendar', perMs: 2_678_400_000 })
  })

  test('with a quantum is two, the second over the quantum', () => {
    const [whole, part] = limitsOf({ limits: [{ ...LIMIT, amount: 90, quantum: '1s', name: 'org' }] })
    expect(whole).toMatchObject({ name: 'org', amount: 90, perMs: 60_000, window: 'bucket', shared: 'org' })
    expect(part).toMatchObject({
      name: 'org/1s',
      amount: 1,
      perMs: 1000,
      window: 'sliding',
      shared: 'org/1s',
    })
  })
})

test('strict is said of an LLM', () => {
  const result = parsed([{ strict: true }, {}])
  expect(result.ok && result.config.llms.map(({ strict }) => strict)).toEqual([true, false])
})

describe('LLMs and keys that name the same limit', () => {
  const named = { ...LIMIT, name: 'org' }

  test('share it', () => {
    const result = parsed([
      { api_key_name: undefined, api_key_names: ['K', 'L'], limits: [named] },
      { limits: [named] },
    ])
    const shared = result.ok && result.config.llms.map(({ limits }) => limits[0]!.shared)
    expect(shared).toEqual(['org', 'org', 'org'])
  })

  test.each<[object, string]>([
    [{ amount: 61 }, 'amount: "org" is shared with llms[0], where this is 60, not 61'],
    [{ per: '2m' }, 'per: "org" is shared with llms[0], where this is 1m, not 2m'],
    [{ window: 'sliding' }, 'window: "org" is shared with llms[0], where this is bucket, not sliding'],
    [{ burst: 9 }, 'burst: "org" is shared with llms[0], where this is not given, not 9'],
    [{ quantum: '30s' }, 'quantum: "org" is shared with llms[0], where this is not given, not 30s'],
    [{ jitter_guard: '1s' }, 'jitter_guard: "org" is shared with llms[0], where this is 500ms, not 1s'],
    [
      { unit: 'input_tokens', charge: 'unknown' },
      'unit: "org" is shared with llms[0], where this is requests, not input_tokens',
    ],
  ])('have to say the same of it: %j', (other, problem) => {
    expect(problemsOf({ limits: [named] }, { limits: [{ ...named, ...other }] })).toEqual([
      `llms[1].limits[0].${problem}`,
    ])
  })

  test('are told where they differ in what is known of their providers', () => {
    const elsewhere = { ...ELSEWHERE, limits: [named] }
    expect(problemsOf({ limits: [named] }, elsewhere)).toEqual([
      'llms[1].limits[0].window: "org" is shared with llms[0], where this is bucket, not sliding',
    ])
  })
})

const FULL = { unit: 'tokens', amount: 60, per: '1m', window: 'sliding' }
test.each<[object, string]>([
  [{ phase: '5s' }, 'phase: belongs to fixed windows only'],
  [{ burst: 5 }, 'burst: belongs to bucket windows only'],
  [{ window: 'bucket', burst: 61 }, 'burst: is more than the amount, 60'],
  [{ quantum: '1m' }, 'quantum: is no part of the period, 1m'],
  [{ quantum: '500ms' }, 'quantum: 60 in 1m is less than 1 in 500ms'],
  [{ window: 'calendar', per: '2d', time_zone: 'UTC' }, 'per: a calendar window lasts 1d or 1mo'],
  [
    { window: 'rolling' },
    'window: expected one of sliding, fixed, bucket, calendar, universal, got "rolling"',
  ],
  [
    { charge: 'at_end' },
    'charge: expected one of reserve_no_refund, reserve_trueup, actual_at_end, actual_as_produced, input_uncached_only, unknown, got "at_end"',
  ],
  [
    { unit: 'requests', charge: 'unknown' },
    'charge: belongs to limits of tokens; requests count when they arrive',
  ],
  [
    { unit: 'output_tokens', charge: 'input_uncached_only' },
    'charge: input_uncached_only says nothing of output tokens',
  ],
  [{ jitter_guard: '2m' }, 'jitter_guard: expected a duration from 0ms to 1m, got 2m'],
  [{ per: 60 }, 'per: expected a duration with its unit (ms, s, m, h or d) such as "120s", or "1mo", got 60'],
  [{ per: '2mo' }, 'per: expected a duration with its unit (ms, s, m, h or d) such as "120s", got "2mo"'],
  [{ unit: 'concurrency', per: undefined }, 'window: concurrency has none'],
])('%j is refused: %s', (rest, problem) => {
  expect(problemsOf({ limits: [{ ...FULL, ...rest }] })).toEqual([`llms[0].limits[0].${problem}`])
})

test('a problem of a shared limit is told with its line and column', () => {
  const llm = (name: string, amount: number) =>
    `  - { name: ${name}, api_type: simulated, model: m, limits: [{ unit: requests, per: 1m, name: org, amount: ${amount} }] }`
  const result = parseConfig(`llms:\n${llm('A', 5)}\n${llm('B', 6)}\n`, 'c.yaml')
  expect(result.ok ? '' : formatProblems(result.problems)).toBe(
    'c.yaml:3:102 llms[1].limits[0].amount: "org" is shared with llms[0], where this is 5, not 6',
  )
})
