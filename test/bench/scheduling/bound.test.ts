import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { type Bound, createBound, loadSolver } from './bound.ts'
import { fastest } from './brute-force.ts'
import { type Instance, type Job, type Limit, type Llm, priceOf } from './model.ts'
import { createInstance } from './workloads.ts'

const highs = await loadSolver()
const open: Bound[] = []
afterAll(() => {
  for (const bound of open) bound.dispose()
})

function boundOf(instance: Instance, classes?: number): Bound {
  const bound = createBound(highs, instance, classes)
  open.push(bound)
  return bound
}

/** Answers after a second whatever is asked, as long as answers have 10 tokens. */
function llm(limits: readonly Limit[], rest: Partial<Llm> = {}): Llm {
  const usual = { inputUsd: 0, outputUsd: 0, quality: 0.5, firstByteMs: 900, tokensPerSecond: 100 }
  return { name: 'llm', contextLength: 1_000, limits, ...usual, ...rest }
}

function limit(unit: Limit['unit'], amount: number, rest: Partial<Limit> = {}): Limit {
  return { unit, amount, perMs: unit === 'concurrency' ? 0 : 60_000, kind: 'window', ...rest }
}

/** Jobs of so many tokens, 10 of them answers. */
function jobs(count: number, tokens = 50): Job[] {
  return Array.from({ length: count }, (_, id) => ({ id, inputTokens: tokens - 10, outputTokens: 10 }))
}

describe('the makespan', () => {
  test('is one service time when everything starts at once', () => {
    expect(boundOf({ llms: [llm([])], jobs: jobs(5) }).makespanMs).toBe(1_000)
  })

  test('counts whole windows: 2 a minute start the fifth job after two minutes', () => {
    expect(boundOf({ llms: [llm([limit('requests', 2)])], jobs: jobs(5) }).makespanMs).toBe(121_000)
  })

  test('lets a bucket refill continuously: the fifth job starts after 90 seconds', () => {
    const bucket = limit('requests', 2, { kind: 'bucket' })
    expect(boundOf({ llms: [llm([bucket])], jobs: jobs(5) }).makespanMs).toBe(91_000)
  })

  test('counts tokens as a fluid: 180 tokens at 100 a minute take two windows', () => {
    expect(boundOf({ llms: [llm([limit('tokens', 100)])], jobs: jobs(3, 60) }).makespanMs).toBe(61_000)
  })

  test('counts the area of a concurrency limit: 4 seconds of work on 2 slots', () => {
    expect(boundOf({ llms: [llm([limit('concurrency', 2)])], jobs: jobs(4) }).makespanMs).toBe(2_000)
  })

  test('does not wait for the next day while another LLM has room', () => {
    const daily = llm([limit('requests', 3, { perMs: 86_400_000 })])
    expect(boundOf({ llms: [daily, llm([limit('requests', 1)])], jobs: jobs(5) }).makespanMs).toBe(61_000)
    expect(boundOf({ llms: [daily], jobs: jobs(5) }).makespanMs).toBe(86_401_000)
  })

  test('sends what is too long for one LLM to the other', () => {
    const small = llm([], { contextLength: 100 })
    const large = llm([limit('requests', 1)])
    expect(boundOf({ llms: [small, large], jobs: [...jobs(9), ...jobs(2, 500)] }).makespanMs).toBe(61_000)
  })

  test('keeps jobs away from an LLM that alone would take longer', () => {
    const slow = llm([], { firstByteMs: 99_900 })
    expect(boundOf({ llms: [slow, llm([limit('requests', 1)])], jobs: jobs(2) }).makespanMs).toBe(61_000)
  })

  test('only rises when the classes are finer', () => {
    const instance = createInstance('mixed', 'heavy', 300, 1)
    const times = [12, 24, 48, 96].map((classes) => boundOf(instance, classes).makespanMs)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })
})

describe('by a deadline', () => {
  const free = llm([limit('requests', 2)], { quality: 0.2 })
  const paid = llm([], { inputUsd: 1, outputUsd: 3, quality: 0.8 })
  const bound = boundOf({ llms: [free, paid], jobs: jobs(6) })
  const price = priceOf(paid, jobs(1)[0]!)

  test.each([
    [1_000, 4],
    [60_999, 4],
    [61_000, 2],
    [121_000, 0],
  ])('of %d ms, what the free LLM cannot take is paid for', (deadlineMs, paidJobs) => {
    expect(bound.leastPrice(deadlineMs)).toBeCloseTo(paidJobs * price, 6)
  })

  test('the better LLM takes all it can', () => {
    const value = ({ quality }: Llm) => quality
    expect(bound.greatestValue(1_000, value)).toBeCloseTo(6 * 0.8, 6)
    const scarce = boundOf({
      llms: [llm([], { quality: 0.2 }), llm([limit('requests', 2)], { quality: 0.8 })],
      jobs: jobs(6),
    })
    expect(scarce.greatestValue(60_000, value)).toBeCloseTo(4 * 0.2 + 2 * 0.8, 6)
    expect(scarce.greatestValue(61_000, value)).toBeCloseTo(2 * 0.2 + 4 * 0.8, 6)
  })

  test('that nothing can meet there is no price', () => {
    expect(() => bound.leastPrice(999)).toThrow('no schedule ends by 999 ms')
  })
})

/** LLMs whose limits bind soon; the last limit leaves room for every job. */
function tinyLlms(): fc.Arbitrary<Llm[]> {
  const limits = fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 100, max: 250 }), fc.integer({ min: 1, max: 2 }))
    .chain(([requests, tokens, slots]) =>
      fc.subarray([
        limit('requests', requests, { perMs: 5_000 }),
        limit('tokens', tokens, { perMs: 7_000 }),
        limit('concurrency', slots),
      ]),
    )
  const one = fc.record({
    limits,
    inputUsd: fc.nat({ max: 3 }),
    outputUsd: fc.nat({ max: 5 }),
    firstByteMs: fc.integer({ min: 1, max: 3_000 }),
    tokensPerSecond: fc.integer({ min: 5, max: 100 }),
  })
  return fc
    .array(one, { minLength: 1, maxLength: 2 })
    .map((some) => some.map((rest) => llm(rest.limits, rest)))
}

function tinyJobs(): fc.Arbitrary<Job[]> {
  const one = fc.record({
    inputTokens: fc.integer({ min: 1, max: 80 }),
    outputTokens: fc.integer({ min: 1, max: 20 }),
  })
  return fc.array(one, { minLength: 1, maxLength: 6 }).map((some) => some.map((job, id) => ({ id, ...job })))
}

test('no schedule of a tiny burst beats the bound, in time or in price', () => {
  const runs = Number(process.env.LLB_TEST_RUNS ?? 150)
  fc.assert(
    fc.property(tinyLlms(), tinyJobs(), fc.constantFrom(1, 3, 96), (llms, some, classes) => {
      const bound = createBound(highs, { llms, jobs: some }, classes)
      try {
        const { makespanMs, price } = fastest({ llms, jobs: some })
        expect(bound.makespanMs).toBeLessThanOrEqual(makespanMs)
        expect(bound.leastPrice(makespanMs)).toBeLessThanOrEqual(price + 1e-6)
      } finally {
        bound.dispose()
      }
    }),
    { numRuns: runs },
  )
})
