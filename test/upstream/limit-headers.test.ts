import { expect, test } from 'vitest'
import { GROQ_DIALECTS, limitReports } from '../../src/upstream/limit-headers.ts'

const NOW = Date.UTC(2026, 8, 1)

test('OpenAI names two limits whose periods it does not tell', () => {
  const headers = new Headers({
    'x-ratelimit-limit-requests': '500',
    'x-ratelimit-remaining-requests': '499',
    'x-ratelimit-reset-requests': '120ms',
    'x-ratelimit-limit-tokens': '30000',
    'x-ratelimit-remaining-tokens': '29990',
    'x-ratelimit-reset-tokens': '6m0s',
  })
  expect(limitReports(headers, NOW)).toEqual([
    { unit: 'requests', per_ms: null, limit: 500, remaining: 499, reset_ms: 120 },
    {
      unit: 'tokens',
      per_ms: null,
      limit: 30000,
      remaining: 29990,
      reset_ms: 360_000,
    },
  ])
})

test('on Groq requests are per day and tokens per minute', () => {
  const headers = new Headers({
    'x-ratelimit-limit-requests': '14400',
    'x-ratelimit-remaining-requests': '14370',
    'x-ratelimit-reset-requests': '2m59.56s',
    'x-ratelimit-limit-tokens': '18000',
    'x-ratelimit-remaining-tokens': '17997',
    'x-ratelimit-reset-tokens': '7.66s',
  })
  expect(limitReports(headers, NOW, GROQ_DIALECTS)).toEqual([
    {
      unit: 'requests',
      per_ms: 86_400_000,
      limit: 14400,
      remaining: 14370,
      reset_ms: 179_560,
    },
    { unit: 'tokens', per_ms: 60_000, limit: 18000, remaining: 17997, reset_ms: 7660 },
  ])
})

test('Cerebras and Mistral write the period into the name', () => {
  const cerebras = new Headers({
    'x-ratelimit-limit-requests-day': '2400',
    'x-ratelimit-remaining-requests-day': '2399',
    'x-ratelimit-reset-requests-day': '33011.4',
    'x-ratelimit-limit-tokens-minute': '30000',
    'x-ratelimit-remaining-tokens-minute': '29000',
    'x-ratelimit-reset-tokens-minute': '11.5',
  })
  expect(limitReports(cerebras, NOW)).toEqual([
    {
      unit: 'requests',
      per_ms: 86_400_000,
      limit: 2400,
      remaining: 2399,
      reset_ms: 33_011_400,
    },
    { unit: 'tokens', per_ms: 60_000, limit: 30000, remaining: 29000, reset_ms: 11_500 },
  ])
  const mistral = new Headers({
    'x-ratelimit-limit-req-minute': '60',
    'x-ratelimit-remaining-req-minute': '59',
  })
  expect(limitReports(mistral, NOW)).toEqual([
    { unit: 'requests', per_ms: 60_000, limit: 60, remaining: 59, reset_ms: null },
  ])
})

test('Anthropic tells the time of reset, OpenRouter in milliseconds since 1970', () => {
  const anthropic = new Headers({
    'anthropic-ratelimit-requests-limit': '50',
    'anthropic-ratelimit-requests-remaining': '49',
    'anthropic-ratelimit-requests-reset': new Date(NOW + 1000).toISOString(),
    'anthropic-ratelimit-output-tokens-limit': '8000',
    'anthropic-ratelimit-output-tokens-remaining': '8000',
  })
  expect(limitReports(anthropic, NOW)).toEqual([
    { unit: 'requests', per_ms: null, limit: 50, remaining: 49, reset_ms: 1000 },
    { unit: 'output_tokens', per_ms: null, limit: 8000, remaining: 8000, reset_ms: null },
  ])
  const openrouter = new Headers({
    'x-ratelimit-limit': '20',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': String(NOW + 5000),
  })
  expect(limitReports(openrouter, NOW)).toEqual([
    { unit: 'requests', per_ms: null, limit: 20, remaining: 0, reset_ms: 5000 },
  ])
})

test('no headers and unreadable headers give no reports', () => {
  expect(limitReports(new Headers({ 'content-type': 'text/plain' }), NOW)).toEqual([])
  expect(limitReports(new Headers({ 'x-ratelimit-limit-requests': 'many' }), NOW)).toEqual([])
})
