import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { simulate, tightest, withOneMoreKey } from '../../src/sim/simulate.ts'
import { createTimes } from '../../src/sim/tally.ts'
import { parseWorkload } from '../../src/sim/workload.ts'

function given(config: string, workload: string) {
  const parsed = parseConfig(config, 'config.yaml')
  const loaded = parseWorkload(workload, 'workload.yaml')
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message)
  if (!loaded.ok) throw new Error(loaded.message)
  return { config: parsed.config, workload: loaded.workload, seed: 1, forMs: loaded.workload.for }
}

const MINUTE = '{ unit: requests, amount: 10, per: 1m, window: sliding }'
const CONFIG = `
queue: { early_refusal: off }
llms:
  - name: Free
    api_type: groq
    model: m
    api_key_name: A_KEY
    context_length: 8000
    limits: [${MINUTE}]
    cost_input: 1
`
const BURST = `
for: 1m
llms: { Free: { first_byte: 100ms, tokens_per_second: 1000 } }
sources: [{ pattern: burst, requests: 40, max_wait: 10m, input_tokens: 100, output_tokens: 50, max_tokens: 50 }]
`

test('a burst of 40 at ten a minute waits for three windows, each half a second longer than a minute', () => {
  const figures = simulate(given(CONFIG, BURST))
  expect(figures).toMatchObject({ requests: 40, completed: 40, expired: 0, rate_limited: 0 })
  expect(figures.wait).toEqual({ p50_ms: 60_505, p95_ms: 181_505, p99_ms: 181_505 })
  expect([figures.input_tokens, figures.output_tokens, figures.cost_usd]).toEqual([4000, 2000, 0.004])
  expect(figures.llms).toEqual([
    {
      llm: 'Free',
      requests: 40,
      share: 1,
      tokens: 6000,
      cost_usd: 0.004,
      rate_limited: 0,
      bound: [{ limit: 'requests_per_min', ms: 181_500 }],
    },
  ])
})

test('one more key is one more LLM of the same limits, and halves the waits', () => {
  const options = given(CONFIG, BURST)
  const figures = simulate(options)
  expect(tightest(options.config, figures, 3)).toEqual([{ group: 'Free', limit: 'requests_per_min' }])
  const more = withOneMoreKey(options.config, 'Free')
  expect(more.llms.map(({ name, group }) => [name, group])).toEqual([
    ['Free', 'Free'],
    ['Free#2', 'Free'],
  ])
  expect(simulate({ ...options, config: more }).wait.p99_ms).toBe(60_505)
})

test('what waits too long expires, and what fits nowhere is rejected', () => {
  const workload = BURST.replace('max_wait: 10m', 'max_wait: 1m')
  expect(simulate(given(CONFIG, workload))).toMatchObject({ completed: 10, expired: 30 })
  const long = BURST.replace('input_tokens: 100', 'input_tokens: 9000')
  expect(simulate(given(CONFIG, long))).toMatchObject({ completed: 0, rejected: 40 })
})

test('what would wait too long is rejected at once unless the configuration says otherwise', () => {
  const config = CONFIG.replace('early_refusal: off', 'early_refusal: on').replace('amount: 10', 'amount: 1')
  const workload = 'for: 1h\nsources: [{ pattern: steady, per_hour: 600, max_wait: 1s, output_tokens: 10 }]'
  const { requests, completed, expired, rejected } = simulate(given(config, workload))
  expect(completed).toBeGreaterThan(50)
  expect(rejected).toBeGreaterThan(400)
  expect(completed + expired + rejected).toBe(requests)
})

test('a month of days is counted day by day', () => {
  const daily = '{ unit: requests, amount: 12, per: 1d, window: calendar, time_zone: UTC }'
  const config = CONFIG.replace(MINUTE, `${MINUTE}, ${daily}`)
  const workload = 'for: 30d\nsources: [{ pattern: steady, per_hour: 2, max_wait: 1s, output_tokens: 10 }]'
  const { completed, expired, requests } = simulate(given(config, workload))
  expect(requests).toBe(1440)
  expect(completed + expired).toBe(1440)
  expect(completed).toBeGreaterThan(12 * 28)
  expect(completed).toBeLessThanOrEqual(12 * 30)
})

test('a seed gives the same figures every time, and another one others', () => {
  const options = given(CONFIG, 'sources: [{ pattern: random, per_hour: 300 }]')
  expect(simulate(options)).toEqual(simulate(options))
  expect(simulate(options)).not.toEqual(simulate({ ...options, seed: 2 }))
})

describe('times', () => {
  test('are told by their rank', () => {
    const times = createTimes()
    for (let ms = 100; ms >= 1; ms--) times.add(ms)
    expect([1, 500, 950, 990, 1000].map(times.quantile)).toEqual([1, 50, 95, 99, 100])
    expect(createTimes().quantile(500)).toBe(0)
  })
})

test('with exact times a burst ends when its last answer does, not when its last window does', () => {
  const figures = simulate({ ...given(CONFIG, BURST), exact: true })
  const [windowMs, answerMs] = [60_500, 100 + 50]
  expect(figures.makespan_ms).toBeGreaterThanOrEqual(3 * windowMs + answerMs)
  expect(figures.makespan_ms).toBeLessThan(3 * windowMs + answerMs + 20)
  expect(figures.elapsed_ms).toBeGreaterThanOrEqual(figures.makespan_ms)
})
