import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'

const LLM = 'name: A, api_type: openai, model: m, api_key_name: "", context_length: 9000'

function limitsOf(queue: string, limits: string) {
  const result = parseConfig(`queue: ${queue}\nllms: [{ ${LLM}, ${limits} }]`, 'config.yaml')
  return result.ok ? result.config.llms[0]!.limits : result.problems.map(({ message }) => message)
}

test('ceilings go to every limit, in thousandths, the highest priority first', () => {
  expect(limitsOf('{ ceilings: { low: 0.8 } }', 'requests_per_min: 5, max_concurrency: 2')).toMatchObject([
    { name: 'requests_per_min', ceilings: [1000, 1000, 800] },
    { name: 'concurrency', ceilings: [1000, 1000, 800] },
  ])
  expect(limitsOf('{}', 'requests_per_min: 5')[0]).not.toHaveProperty('ceilings')
})

test('a limit that says whether it is paced is heard, whatever holds for the rest', () => {
  const limits =
    'requests_per_day: 5000, limits: [{ unit: tokens, amount: 5000, per: 1d, window: sliding, pace: true }]'
  expect(limitsOf('{ pacing: off }', limits)).toMatchObject([{ pace: false }, { pace: true }])
  expect(limitsOf('{}', limits)[0]).not.toHaveProperty('pace')
})

test.each([
  ['unit: tokens, amount: 5, per: 1h, pace: true', 'belongs to limits of a day or longer'],
  [
    'unit: tokens, amount: 5, per: 1d, window: bucket, pace: true',
    'a bucket refills all the time and needs none',
  ],
])('{ %s } is an error', (limit, message) => {
  expect(limitsOf('{}', `limits: [{ ${limit} }]`)).toEqual([message])
})

test('a name under models: may set bounds, on the scale of quality and in USD', () => {
  const text = `models: { fast: { min_quality: 6, max_cost: 0.01 }, fine: { min_quality: 0.7 } }\nllms: [{ ${LLM} }]`
  const result = parseConfig(text, 'config.yaml')
  expect(result.ok && result.config.models.map(({ bounds }) => bounds)).toEqual([
    { minQuality: 600, maxCostNanoUsd: 10_000_000 },
    { minQuality: 700, maxCostNanoUsd: null },
  ])
})
