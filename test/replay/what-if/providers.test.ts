import { expect, test } from 'vitest'
import { createProviders } from '../../../src/replay/what-if/providers.ts'
import { limit, llm } from '../../support/llms.ts'

const call = { input: 10, cached: 0, bound: 50, output: 10 }

test('a provider refuses a call beyond its limit, and says when to come again', () => {
  const providers = createProviders([llm('A', { limits: [limit('requests', 1, 60_000)] })])
  expect(providers.admit('r1', 'A', call, 1000)).toBeNull()
  expect(providers.admit('r2', 'A', call, 31_000)).toMatchObject({
    class: 'rate_limited',
    status: 429,
    retry_after_ms: 30_000,
  })
  expect(providers.admit('r3', 'A', call, 61_000)).toBeNull()
})

test('a place is free again once its call has ended, or all have', () => {
  const providers = createProviders([llm('A', { limits: [limit('concurrency', 1, 0)] })])
  expect(providers.admit('r1', 'A', call, 0)).toBeNull()
  expect(providers.admit('r2', 'A', call, 1)).not.toBeNull()
  providers.end('r1', 10, 2)
  expect(providers.admit('r2', 'A', call, 3)).toBeNull()
  providers.endAll(4)
  expect(providers.admit('r3', 'A', call, 5)).toBeNull()
})

test('the longest answer is booked only where the charge rule that is declared says so', () => {
  const tokens = (charge: 'unknown' | 'reserve_no_refund') =>
    createProviders([llm('A', { limits: [{ ...limit('tokens', 40, 60_000), charge }] })])
  expect(tokens('unknown').admit('r1', 'A', call, 0)).toBeNull()
  expect(tokens('reserve_no_refund').admit('r1', 'A', call, 0)).toMatchObject({ class: 'too_large' })
})

test('what is asked of an LLM without limits is let in', () => {
  expect(createProviders([llm('A', { limits: [] })]).admit('r1', 'A', call, 0)).toBeNull()
})
