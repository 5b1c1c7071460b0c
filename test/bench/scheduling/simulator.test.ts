import { describe, expect, test } from 'vitest'
import { createBound, loadSolver } from './bound.ts'
import { amountOf, type Instance, isEligible, type Llm } from './model.ts'
import { earlyRoundRobin } from './policies/early.ts'
import { COST_POLICIES, QUALITY_POLICIES, speedPolicies } from './policies/policies.ts'
import { makespanOf, type Placement, simulate } from './simulator.ts'
import { createInstance } from './workloads.ts'

const highs = await loadSolver()

function llm(rest: Partial<Llm>): Llm {
  const usual = { inputUsd: 0, outputUsd: 0, quality: 0.5, firstByteMs: 900, tokensPerSecond: 100 }
  return { name: 'llm', contextLength: 1_000, limits: [], ...usual, ...rest }
}

const job = (id: number, tokens = 50) => ({ id, inputTokens: tokens - 10, outputTokens: 10 })

function startsOf(instance: Instance): number[] {
  return simulate(instance, earlyRoundRobin, 1).map(({ startMs }) => startMs)
}

describe('the ground truth', () => {
  const minute = { perMs: 60_000, kind: 'window' } as const

  test('gives room back exactly one window after the start', () => {
    const limited = llm({ limits: [{ unit: 'requests', amount: 2, ...minute }] })
    expect(startsOf({ llms: [limited], jobs: [0, 1, 2, 3, 4].map((id) => job(id)) })).toEqual([
      0, 0, 60_000, 60_000, 120_000,
    ])
  })

  test('charges all tokens at the start', () => {
    const limited = llm({ limits: [{ unit: 'tokens', amount: 100, ...minute }] })
    expect(startsOf({ llms: [limited], jobs: [job(0, 60), job(1, 40), job(2, 30)] })).toEqual([0, 0, 60_000])
  })

  test('frees a slot when its job ends', () => {
    const limited = llm({ limits: [{ unit: 'concurrency', amount: 1, perMs: 0, kind: 'window' }] })
    expect(startsOf({ llms: [limited], jobs: [job(0), job(1), job(2)] })).toEqual([0, 1_000, 2_000])
  })

  test('refuses a policy that starts what does not fit', () => {
    const bold = () => ({ arrive() {}, next: () => ({ job: job(0, 5_000), server: 0 }) })
    expect(() => simulate({ llms: [llm({})], jobs: [job(0, 5_000)] }, bold, 1)).toThrow(
      'job 0 does not fit llm',
    )
  })

  test('notices a policy that forgets a job', () => {
    const idle = () => ({ arrive() {}, next: () => null })
    expect(() => simulate({ llms: [llm({})], jobs: [job(0)] }, idle, 1)).toThrow('left 1 jobs waiting')
  })
})

const policies = {
  ...speedPolicies(highs),
  ...prefixed('cost', COST_POLICIES),
  ...prefixed('quality', QUALITY_POLICIES),
}

describe.each(['mixed', 'windows'])('on the fleet %s', (fleet) => {
  const instance = createInstance(fleet, 'heavy', 300, 1)
  const bound = createBound(highs, instance)

  test.each(Object.entries(policies))(
    '%s serves every job once, within the limits, not before the bound',
    (_, create) => {
      const placements = simulate(instance, create, 1)
      expect(placements.map((placement) => placement.job.id).sort((a, b) => a - b)).toEqual(
        instance.jobs.map(({ id }) => id),
      )
      expect(placements.filter((placement) => !isEligible(placement.llm, placement.job))).toEqual([])
      expect(instance.llms.filter((one) => isOverrun(one, placements)).map(({ name }) => name)).toEqual([])
      expect(makespanOf(placements)).toBeGreaterThanOrEqual(bound.makespanMs)
    },
  )
})

function prefixed<T>(prefix: string, some: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(some).map(([name, one]) => [`${prefix}: ${name}`, one]))
}

/** Whether, just after some start, more counts against a limit than it allows; by looking at every pair of starts. */
function isOverrun(one: Llm, placements: readonly Placement[]): boolean {
  const own = placements.filter((placement) => placement.llm === one)
  return one.limits.some(({ unit, amount, perMs }) =>
    own.some(({ startMs: at }) => {
      const counting = own.filter(
        ({ startMs, endMs }) => startMs <= at && (unit === 'concurrency' ? endMs > at : startMs + perMs > at),
      )
      return counting.reduce((sum, placement) => sum + amountOf(unit, placement.job), 0) > amount
    }),
  )
}
