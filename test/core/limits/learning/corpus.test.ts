import { describe, expect, test } from 'vitest'
import { reactionTo } from '../../../../src/core/cooling.ts'
import { type RefusalKind, refusalKindOf } from '../../../../src/core/limits/learning/refusals.ts'
import { classify } from '../../../../src/upstream/failure.ts'
import { classifyGoogle } from '../../../../src/upstream/google-failure.ts'
import { START } from '../../../support/virtual-clock.ts'

/** What providers answer to a call that they do not let in, as their documents and users show it. */
const error = (fields: object) => JSON.stringify({ error: fields })
const google = (quotaId: string, delay: string) =>
  error({
    code: 429,
    status: 'RESOURCE_EXHAUSTED',
    message: 'You exceeded your current quota.',
    details: [
      { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId }] },
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: delay },
    ],
  })

const CORPUS: readonly (readonly [
  name: string,
  kind: RefusalKind,
  status: number,
  body: string,
  headers?: Record<string, string>,
])[] = [
  [
    'OpenAI, tokens per minute',
    'minute',
    429,
    error({
      message:
        'Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.',
      type: 'tokens',
      code: 'rate_limit_exceeded',
    }),
  ],
  [
    'OpenAI, requests per day',
    'day',
    429,
    error({
      message:
        'Rate limit reached for gpt-4o on requests per day (RPD): Limit 200, Used 200. Please try again in 7m12s.',
      type: 'requests',
      code: 'rate_limit_exceeded',
    }),
  ],
  [
    'OpenAI, no credit',
    'quota',
    429,
    error({
      message: 'You exceeded your current quota, please check your plan.',
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    }),
  ],
  [
    'OpenAI, slow down',
    'overload',
    503,
    error({ message: 'Slow down', type: 'server_error', code: 'slow_down' }),
  ],
  [
    'Groq, tokens per minute',
    'minute',
    429,
    error({
      message:
        'Rate limit reached for model on tokens per minute (TPM): Limit 8000, Used 7900, Requested 300. Please try again in 1.5s.',
      type: 'tokens',
      code: 'rate_limit_exceeded',
    }),
    { 'retry-after': '2' },
  ],
  [
    'Groq, tokens per day',
    'day',
    429,
    error({
      message:
        'Rate limit reached for model on tokens per day (TPD): Limit 200000, Used 199990. Please try again in 4s.',
      type: 'tokens',
      code: 'rate_limit_exceeded',
    }),
    { 'retry-after': '4' },
  ],
  ['Groq, flex capacity', 'overload', 498, error({ message: 'capacity', type: 'capacity_exceeded' })],
  [
    'Anthropic, input tokens per minute',
    'minute',
    429,
    error({
      type: 'rate_limit_error',
      message: 'This request would exceed your organization rate limit of 40,000 input tokens per minute.',
    }),
    { 'retry-after': '11' },
  ],
  [
    'Anthropic, acceleration',
    'overload',
    429,
    error({
      type: 'rate_limit_error',
      message: 'This request would exceed your acceleration limit. Scale up gradually.',
    }),
  ],
  [
    'Anthropic, spend cap',
    'quota',
    400,
    error({
      type: 'invalid_request_error',
      message: 'You have reached your specified API usage limits. You will regain access on 2026-12-01.',
    }),
  ],
  ['Anthropic, overloaded', 'overload', 529, error({ type: 'overloaded_error', message: 'Overloaded' })],
  [
    'OpenRouter, free models per day',
    'day',
    429,
    error({ message: 'Rate limit exceeded: free-models-per-day', code: 429 }),
  ],
  [
    'OpenRouter, free models per minute',
    'minute',
    429,
    error({ message: 'Rate limit exceeded: free-models-per-min', code: 429 }),
  ],
  [
    'OpenRouter, refused by the provider behind it',
    'overload',
    429,
    error({
      message: 'Provider returned error',
      code: 429,
      metadata: { raw: 'model is temporarily rate-limited upstream', provider_name: 'Chutes' },
    }),
  ],
  ['OpenRouter, no credit', 'quota', 402, error({ message: 'Insufficient credits', code: 402 })],
  [
    'Mistral',
    'minute',
    429,
    JSON.stringify({ object: 'error', message: 'Rate limit exceeded', type: 'rate_limited', code: '1300' }),
  ],
  [
    'Cerebras, requests',
    'minute',
    429,
    error({
      message: 'Requests per minute limit exceeded',
      type: 'too_many_requests_error',
      code: 'request_quota_exceeded',
    }),
    { 'retry-after': '58' },
  ],
  [
    'Cerebras, queue',
    'overload',
    429,
    error({ message: 'High traffic', type: 'too_many_requests_error', code: 'queue_exceeded' }),
  ],
  [
    'Cloudflare, neurons of the day',
    'day',
    429,
    JSON.stringify({ errors: [{ code: 3036, message: 'You have used up your free allocation of neurons' }] }),
  ],
  [
    'Cloudflare, no capacity',
    'overload',
    429,
    JSON.stringify({ errors: [{ code: 3040, message: 'Out of capacity' }] }),
  ],
  [
    'Together',
    'minute',
    429,
    error({ message: 'You are above your rate', type: 'rate_limit', code: 'dynamic_request_limited' }),
  ],
  ['Together, no capacity', 'overload', 503, error({ message: 'Service unavailable' })],
  [
    'Hugging Face, no credit',
    'quota',
    402,
    JSON.stringify({ error: 'You have exceeded your monthly credits' }),
  ],
  [
    'Google, per minute',
    'minute',
    429,
    google('GenerateRequestsPerMinutePerProjectPerModel-FreeTier', '12s'),
  ],
  ['Google, per day', 'day', 429, google('GenerateRequestsPerDayPerProjectPerModel-FreeTier', '3s')],
]

describe('a refusal', () => {
  for (const [name, kind, status, body, headers = {}] of CORPUS) {
    test(`of ${name} is one of a ${kind}`, () => {
      const read = name.startsWith('Google') ? classifyGoogle : classify
      const failure = read(status, new Headers(headers), body, START)
      expect(refusalKindOf(failure)).toBe(kind)
      const reaction = reactionTo(failure, 0)
      const pauseMs = reaction.kind === 'cool' ? reaction.ms : 0
      expect(pauseMs).toBeGreaterThanOrEqual(kind === 'day' || kind === 'quota' ? 60_000 : 500)
    })
  }

  test('that is none teaches nothing', () => {
    expect(refusalKindOf(classify(500, new Headers(), '', START))).toBeNull()
    expect(refusalKindOf(classify(401, new Headers(), '', START))).toBeNull()
  })
})
