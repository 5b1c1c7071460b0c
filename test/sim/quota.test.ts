import { describe, expect, test } from 'vitest'
import { type CallTokens, type Charge, createQuota } from '../../src/sim/quota.ts'
import { truth } from './support.ts'

const CALL: CallTokens = { input: 30, cached: 10, bound: 50, output: 20 }

function tokens(charge: Charge, unit: 'tokens' | 'input_tokens' | 'output_tokens' = 'tokens') {
  const quota = createQuota([truth({ unit, amount: 100, charge })])
  return { quota, left: (at = 0) => quota.reports(at)[0]!.remaining! }
}

describe('a call of 30 tokens in, 10 of them cached, and 20 of at most 50 out', () => {
  // What is left of 100 after the start, after half the answer, and after its end.
  test.each([
    ['reserve_no_refund', 'tokens', [20, 20, 20]],
    ['reserve_trueup', 'tokens', [20, 20, 50]],
    ['actual_at_end', 'tokens', [100, 100, 50]],
    ['actual_as_produced', 'tokens', [70, 60, 50]],
    ['input_uncached_only', 'tokens', [30, 30, 60]],
    ['reserve_trueup', 'input_tokens', [70, 70, 70]],
    ['actual_at_end', 'input_tokens', [100, 100, 70]],
    ['input_uncached_only', 'input_tokens', [80, 80, 80]],
    ['reserve_trueup', 'output_tokens', [50, 50, 80]],
    ['actual_as_produced', 'output_tokens', [100, 90, 80]],
  ] as const)('charged by %s of %s', (charge, unit, [started, halfway, ended]) => {
    const { quota, left } = tokens(charge, unit)
    const admission = quota.admit(CALL, 0)
    if (admission.kind !== 'admitted') throw new Error(admission.kind)
    expect(left()).toBe(started)
    quota.produce(admission.ticket, 10, 1)
    expect(left()).toBe(halfway)
    quota.produce(admission.ticket, 10, 2)
    quota.end(admission.ticket, 2)
    expect(left()).toBe(ended)
    expect(quota.overruns.size).toBe(0)
  })
})

describe('a quota refuses', () => {
  test('what does not fit, and says when it will', () => {
    const { quota } = tokens('reserve_trueup')
    quota.admit(CALL, 0)
    expect(quota.admit(CALL, 400)).toMatchObject({ kind: 'refused', fitsAt: 1000 })
    expect(quota.admit(CALL, 1000).kind).toBe('admitted')
  })

  test('what never fits', () => {
    const { quota } = tokens('reserve_trueup')
    expect(quota.admit({ ...CALL, input: 60 }, 0).kind).toBe('too_large')
  })

  test('what is one too many at once, until another one ends', () => {
    const quota = createQuota([truth({ unit: 'concurrency', amount: 1, perMs: 0 })])
    const first = quota.admit(CALL, 0)
    expect(quota.admit(CALL, 0)).toMatchObject({ kind: 'refused', fitsAt: Number.POSITIVE_INFINITY })
    if (first.kind === 'admitted') quota.end(first.ticket, 5)
    expect([quota.active, quota.admit(CALL, 5).kind]).toEqual([0, 'admitted'])
  })

  test('at one limit without booking at the others', () => {
    const quota = createQuota([truth(), truth({ unit: 'tokens', amount: 10 })])
    expect(quota.admit(CALL, 0).kind).toBe('too_large')
    expect(quota.reports(0).map(({ remaining }) => remaining)).toEqual([2, 10])
    quota.countRefused(0)
    expect(quota.reports(0).map(({ remaining }) => remaining)).toEqual([1, 10])
  })
})

test('a quota that books at the end notices when more was used than it allows', () => {
  const { quota } = tokens('actual_at_end')
  for (const admission of [1, 2, 3].map(() => quota.admit(CALL, 0))) {
    if (admission.kind !== 'admitted') throw new Error(admission.kind)
    quota.produce(admission.ticket, 20, 1)
    quota.end(admission.ticket, 1)
  }
  expect([...quota.overruns]).toEqual([['tokens_limit', 1]])
})

test('a quota reports what is left of each window, and when all of it is back', () => {
  const quota = createQuota([truth({ amount: 5 }), truth({ unit: 'concurrency', amount: 3, perMs: 0 })])
  quota.admit(CALL, 0)
  quota.admit(CALL, 300)
  expect(quota.reports(500)).toEqual([
    { unit: 'requests', per_ms: 1000, limit: 5, remaining: 3, reset_ms: 800 },
  ])
})
