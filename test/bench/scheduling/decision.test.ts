import { expect, test } from 'vitest'
import { type Decisions, renderDecisions, verdict } from './decision-report.ts'
import { overBudget, type Steady, steadyState } from './steady.ts'
import { type CreateSubject, pureCore, wholeBalancer } from './subjects.ts'

const EFFORT = { warmUp: 20, measured: 120, budgetMs: 60_000 }

test.each([
  ['the core', pureCore],
  ['the whole balancer', wholeBalancer],
])('%s goes on serving while the same number waits', (_, createSubject) => {
  const facts: string[] = []
  const spied: CreateSubject = (...all) => {
    const subject = createSubject(...all)
    return {
      ingest(type, data, request, llm) {
        facts.push(type)
        subject.ingest(type, data, request, llm)
      },
    }
  }
  const { requests, isOverBudget, perRequestUs } = steadyState(spied, 30, EFFORT)
  expect(isOverBudget).toBe(false)
  expect(requests).toBeGreaterThanOrEqual(EFFORT.measured)
  expect(perRequestUs).toBeGreaterThan(0)
  const arrived = facts.filter((type) => type === 'request.received').length
  const ended = facts.filter((type) => type === 'attempt.finished').length
  expect(arrived).toBeGreaterThanOrEqual(ended + 30)
})

test('the core decides in the harness what it decides behind the actors', () => {
  const dispatchesOf = (createSubject: CreateSubject) => {
    const seen: string[] = []
    steadyState(
      (policy, clock, dispatched) =>
        createSubject(policy, clock, (request, llm, data) => {
          const order = request.replace(/\D/g, '')
          seen.push(`${order} to ${llm}, ${data.reserved.input_tokens} tokens after ${data.wait_ms} ms`)
          dispatched(request, llm, data)
        }),
      30,
      EFFORT,
    )
    return seen.slice(0, 150)
  }
  expect(dispatchesOf(pureCore)).toEqual(dispatchesOf(wholeBalancer))
})

test('a row that takes too long says so', () => {
  expect(steadyState(pureCore, 1_000, { ...EFFORT, budgetMs: -1 }).isOverBudget).toBe(true)
})

const row = (waiting: number, perRequestUs: number): Steady => ({
  waiting,
  perRequestUs,
  requests: 500,
  isOverBudget: false,
})

function results(rest: Partial<Decisions> = {}): Decisions {
  return { budgetMs: 30_000, core: [row(10_000, 10), row(100_000, 20)], balancer: [row(10_000, 40)], ...rest }
}

test('the core may take 20 us with 100,000 waiting, and no more', () => {
  expect(verdict(results())?.met).toBe(true)
  expect(verdict(results({ core: [row(100_000, 20.1)] }))?.met).toBe(false)
  expect(verdict(results({ core: [overBudget(100_000)] }))?.met).toBe(false)
  expect(verdict(results({ core: [row(10_000, 1)] }))).toBeNull()
})

test('the report shows how the cost grows, and what was not finished', () => {
  const partial = { ...row(1_000_000, 50), isOverBudget: true }
  const shown = results({ core: [row(10_000, 10), row(100_000, 20), partial, overBudget(2_000_000)] })
  const report = renderDecisions(verdict(shown), shown)
  expect(report).toContain('| core | 10,000 | 10.0 us |  |')
  expect(report).toContain('| core | 100,000 | 20.0 us | 2.00x |')
  expect(report).toContain('| core | 1,000,000 | over budget (50.0 us over 500 requests) | 2.50x |')
  expect(report).toContain('| core | 2,000,000 | over budget |  |')
  expect(report).toContain('core, 100,000 waiting, 50 LLMs: 20.0 us, target at most 20 us: reached.')
})
