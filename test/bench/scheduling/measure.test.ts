import { expect, test } from 'vitest'
import type { Line } from '../report.ts'
import { runBalancer } from './balancer.ts'
import { loadSolver } from './bound.ts'
import { AIMS, type Aim, BALANCER, judge, measure, type Outcome, type Results } from './measure.ts'
import { type Instance, type Llm, tokensOf } from './model.ts'
import { median, render, verdicts } from './report.ts'
import { makespanOf } from './simulator.ts'

const highs = await loadSolver()

function llm(name: string, rest: Partial<Llm> = {}): Llm {
  const usual = { inputUsd: 0, outputUsd: 0, quality: 0.5, firstByteMs: 900, tokensPerSecond: 100 }
  return { name, contextLength: 1_000, limits: [], ...usual, ...rest }
}

const jobs = Array.from({ length: 6 }, (_, id) => ({ id, inputTokens: 40, outputTokens: 10 }))

test('the real balancer serves a burst within the limits and as fast as its guard allows', () => {
  const limited = llm('limited', { limits: [{ unit: 'requests', amount: 2, perMs: 60_000, kind: 'window' }] })
  const placements = runBalancer({ llms: [limited], jobs }, AIMS.speed.weights)
  const guardMs = 500
  const starts = [0, 0, 1, 1, 2, 2].map((window) => window * (60_000 + guardMs))
  expect(placements.map(({ startMs }) => startMs)).toEqual(starts)
  expect(makespanOf(placements)).toBe(starts.at(-1)! + 1_000)
})

test('the real balancer knows the exact size of what it sends where', () => {
  const small = llm('small', { contextLength: 100 })
  const large = llm('large', { inputUsd: 1, outputUsd: 1 })
  const mixed = [...jobs, { id: 6, inputTokens: 91, outputTokens: 10 }]
  const placements = runBalancer({ llms: [large, small], jobs: mixed }, AIMS.cost.weights)
  const tooLong = placements.filter((one) => one.llm === large).map(({ job }) => tokensOf(job))
  expect(tooLong).toEqual([101])
})

test('a schedule is judged by what was possible in its own time', () => {
  const free = llm('free', {
    limits: [{ unit: 'requests', amount: 2, perMs: 60_000, kind: 'window' }],
    quality: 0.2,
  })
  const paid = llm('paid', { inputUsd: 1, outputUsd: 1, quality: 0.8 })
  const instance: Instance = { llms: [free, paid], jobs }
  const bound = {
    makespanMs: 1_000,
    leastPrice: (deadlineMs: number) => (deadlineMs < 61_000 ? 200 : 100),
    greatestValue: (deadlineMs: number) => (deadlineMs < 61_000 ? 4.8 : 2.4),
    dispose() {},
  }
  const at = (startMs: number) => jobs.map((job) => ({ job, llm: paid, startMs, endMs: startMs + 1_000 }))
  const wish = { weights: { cost: 1, quality: 1, speed: 0 } }
  const now = judge(instance, bound, at(0), wish)
  const nowhere = { lost: 0, costInWait: null }
  expect(now).toEqual({ ...nowhere, makespan: 1, excessWindows: 0, cost: 1.5, quality: expect.closeTo(1, 9) })
  const late = judge(instance, bound, at(120_000), wish)
  expect(late).toEqual({
    ...nowhere,
    makespan: 121,
    excessWindows: 2,
    cost: 3,
    quality: expect.closeTo(0.5, 9),
  })
  expect(judge(instance, bound, at(0), AIMS.speed)).toMatchObject({ cost: null, quality: null })
  const gratis = { ...bound, leastPrice: () => 0 }
  expect(judge(instance, gratis, at(0), wish).cost).toBe(Number.POSITIVE_INFINITY)
  const lost = judge(instance, bound, at(0).slice(1), wish)
  expect(lost).toMatchObject({ lost: 1, cost: Number.POSITIVE_INFINITY, quality: Number.POSITIVE_INFINITY })
})

test('a price is held against the least in the wait that was given too, down to a hundredth of the dearest', () => {
  const paid = llm('paid', { inputUsd: 1, outputUsd: 1 })
  const instance: Instance = { llms: [llm('free'), paid], jobs }
  const bound = {
    makespanMs: 1_000,
    leastPrice: (deadlineMs: number) => Math.max(0, 300 - deadlineMs / 10),
    greatestValue: () => 1,
    dispose() {},
  }
  const placements = jobs.map((job) => ({ job, llm: paid, startMs: 0, endMs: 1_000 }))
  const judged = (waitBounds: number, some = placements) =>
    judge(instance, bound, some, { weights: { cost: 1, quality: 0, speed: 0 }, waitBounds })
  expect(judged(2)).toMatchObject({ cost: 1.5, costInWait: 3 })
  // Who took longer than the wait, to its last answer, is held against that.
  expect(judged(0.5).costInWait).toBe(1.5)
  // All of it is dearest, and the least is nothing.
  expect(judged(3).costInWait).toBe(100)
  expect(judged(2, placements.slice(1)).costInWait).toBe(Number.POSITIVE_INFINITY)
})

test('the whole measurement runs on small bursts and fills every cell of its report', {
  timeout: 60_000,
}, () => {
  const results = measure(highs, { counts: [20], seeds: 1 }, () => {})
  const own = results.outcomes.filter(({ policy }) => policy === BALANCER)
  const fleetsTimesMixes = 15
  expect(own.filter(({ aim }) => aim === 'speed')).toHaveLength(fleetsTimesMixes)
  expect(own.filter(({ aim }) => aim === 'cost, in time')).toHaveLength(fleetsTimesMixes)
  expect(Math.min(...results.outcomes.map(({ makespan }) => makespan))).toBeGreaterThanOrEqual(1)
  expect(Math.min(...results.outcomes.map(({ quality }) => quality ?? 1))).toBeGreaterThan(1 - 1e-9)
  expect(Math.min(...results.outcomes.map(({ cost }) => cost ?? 1))).toBeGreaterThan(1 - 1e-9)
  expect(Math.min(...results.outcomes.map(({ costInWait }) => costInWait ?? 1))).toBeGreaterThan(1 - 1e-9)
  const report = render(verdicts(results), results)
  expect(report.match(/^\| the balancer \|.*$/gm)).toHaveLength(2)
  expect(report).not.toMatch(/NaN|undefined|null/)
})

const GOOD = { makespan: 1.15, excessWindows: 1, lost: 0, cost: 1.1, costInWait: 1.1, quality: 1.1 }

/** Results in which everything is as good as in GOOD, but for what is said about one aim and count. */
function resultsOf(aim: Aim, count: number, rest: Partial<Outcome>): Results {
  const outcomes = [300, 1200].flatMap((size) =>
    (Object.keys(AIMS) as Aim[]).flatMap((one) =>
      ['uniform', 'heavy', 'trimodal'].map((mix): Outcome => {
        const changed = one === aim && size === count ? rest : {}
        return { fleet: 'f', mix, count: size, aim: one, policy: BALANCER, ...GOOD, ...changed }
      }),
    ),
  )
  return { size: { counts: [300, 1200], seeds: 1 }, outcomes, cpuUs: 1 }
}

const missed = (lines: readonly Line[]) => lines.filter(({ met }) => !met).length

test('a figure exactly at its target is reached, and each one beyond is not', () => {
  expect(verdicts(resultsOf('speed', 1200, {}))).toHaveLength(14)
  expect(missed(verdicts(resultsOf('speed', 1200, {})))).toBe(0)
  expect(missed(verdicts(resultsOf('speed', 1200, { makespan: 1.16 })))).toBe(3)
  expect(missed(verdicts(resultsOf('speed', 300, { excessWindows: 2 })))).toBe(3)
  expect(missed(verdicts(resultsOf('cost', 300, { cost: 1.11 })))).toBe(1)
  expect(missed(verdicts(resultsOf('cost', 1200, { cost: Number.POSITIVE_INFINITY })))).toBe(1)
  expect(missed(verdicts(resultsOf('quality', 300, { quality: 1.11 })))).toBe(1)
  expect(missed(verdicts(resultsOf('quality', 1200, { quality: 1.11 })))).toBe(1)
  expect(missed(verdicts(resultsOf('cost, in time', 300, { cost: 1.11 })))).toBe(1)
  expect(missed(verdicts(resultsOf('quality, in time', 1200, { quality: 1.11 })))).toBe(1)
})

test('requests that may not wait for so long are left out', () => {
  const limited = llm('limited', { limits: [{ unit: 'requests', amount: 2, perMs: 60_000, kind: 'window' }] })
  expect(runBalancer({ llms: [limited], jobs }, AIMS.cost.weights, 70_000)).toHaveLength(4)
})

test('what is missed is written out', () => {
  const results = resultsOf('speed', 300, { mix: 'heavy', excessWindows: 3 })
  expect(render(verdicts(results), results)).toContain(
    '| windows beyond the bound, heavy, 300 requests, worst | 3.00 | at most 1 | **NOT reached** |',
  )
})

test('the median of an even number is the upper one, of none nothing', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(3)
  expect(median([])).toBeNull()
})
