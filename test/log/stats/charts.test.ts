import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chartSpan, createCharts } from '../../../src/log/stats/charts.ts'
import { play, scenarios } from '../../support/scenario.ts'
import { START } from '../../support/virtual-clock.ts'

const HOUR_MS = 3_600_000

test('columns are as many as may be, begin on the step, and cover the span', () => {
  const spans = fc.tuple(fc.nat({ max: 1e12 }), fc.nat({ max: 1e11 }), fc.integer({ min: 2, max: 80 }))
  fc.assert(
    fc.property(spans, ([from, ms, most]) => {
      const { from: begin, stepMs, columns } = chartSpan(from, from + ms, most)
      expect(columns).toBeLessThanOrEqual(most)
      expect(begin % stepMs).toBe(0)
      expect(begin).toBeLessThanOrEqual(from)
      expect(from - begin).toBeLessThan(stepMs)
      expect(begin + columns * stepMs).toBeGreaterThan(from + ms)
      expect(begin + (columns - 1) * stepMs).toBeLessThanOrEqual(from + ms)
    }),
  )
})

test('an hour is drawn by minutes, a day by hours, a year by a few days', () => {
  const stepOf = (hours: number) => chartSpan(START, START + hours * HOUR_MS, 72).stepMs / HOUR_MS
  expect([1, 24, 7 * 24, 365 * 24].map(stepOf)).toEqual([1 / 60, 1, 3, 8 * 24])
})

test('each column counts what happened in it, and what is outside counts nowhere', () => {
  const runs = scenarios({ mostUsed: 1, reports: false }).map((scenario) => play(scenario).events)
  fc.assert(
    fc.property(
      runs,
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: 1, max: 20 }),
      (events, stepMs, columns) => {
        const from = Math.floor(START / stepMs) * stepMs + stepMs
        const charts = createCharts({ from, stepMs, columns })
        for (const event of events) charts.take(event)
        const { requests, troubles, waitMs } = charts.result()
        for (let i = 0; i < columns; i++) {
          const inside = events.filter(({ at }) => at >= from + i * stepMs && at < from + (i + 1) * stepMs)
          const count = (...types: string[]) => inside.filter(({ type }) => types.includes(type)).length
          expect(requests[i]).toBe(count('request.received'))
          expect(troubles[i]).toBe(count('attempt.failed', 'request.rejected', 'request.expired'))
          const waits = inside.flatMap((one) => (one.type === 'request.completed' ? [one.data.wait_ms] : []))
          const exact = waits.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(waits.length * 0.95)) - 1] ?? 0
          expect(exact - waitMs[i]!).toBeGreaterThanOrEqual(0)
          expect(exact - waitMs[i]!).toBeLessThanOrEqual(exact / 100)
        }
      },
    ),
    { numRuns: Number(process.env.LLB_TEST_RUNS ?? 60) },
  )
})
