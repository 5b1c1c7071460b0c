import { expect, test } from 'vitest'
import { judge, render } from './forecast-report.ts'
import { type Figures, measureTrace, sumOf } from './measure.ts'
import { play } from './run.ts'
import { createTrace, type Trace } from './traces.ts'

const trace = createTrace('free', 'bursts, one client', 1)

test('a burst is refused where it would miss its deadline, and told when to come again', () => {
  const { missedAnyway, missedAlone, met, rightRetry } = measureTrace(trace, { aloneOneIn: 4, againOneIn: 4 })
  expect(missedAnyway[1]).toBeGreaterThan(5)
  expect(missedAnyway[0] / missedAnyway[1]).toBeGreaterThanOrEqual(0.95)
  expect(missedAlone[0]).toBeGreaterThan(0)
  expect(missedAlone[0]).toBe(missedAlone[1])
  expect(met[0] / met[1]).toBeGreaterThan(0.9)
  expect(rightRetry[1]).toBeGreaterThan(0)
  expect(rightRetry[0]).toBe(rightRetry[1])
})

test('a dry run serves as if nothing were refused, and marks what would be', () => {
  const starts = (fates: ReturnType<typeof play>) => fates.map(({ startMs }) => startMs)
  const dry = play(trace, 'dry_run')
  expect(starts(dry)).toEqual(starts(play(trace, 'off')))
  expect(dry.filter(({ wouldRefuse }) => wouldRefuse).length).toBeGreaterThan(5)
})

test('a guest is let in when it comes, and nobody else is another', () => {
  const fates = play(trace, 'on')
  const refused = fates.find(({ retryAfterMs }) => retryAfterMs !== null)!
  const again = play(trace, 'on', { id: refused.arrival.id, delayMs: 7 })
  const guest = again.find(({ arrival }) => arrival.id === refused.arrival.id)!
  expect([guest.retryAfterMs, guest.atMs]).toEqual([null, refused.atMs + 7])
  expect(again.length).toBe(fates.length)
})

test('a trace with no more than the LLMs can take has no refusal, and all are in time', () => {
  const calm: Trace = { ...trace, arrivals: trace.arrivals.filter((_, i) => i % 20 === 0) }
  const { missedAnyway, met } = measureTrace(calm, { aloneOneIn: 1, againOneIn: 1 })
  expect([missedAnyway, met]).toEqual([
    [0, 0],
    [calm.arrivals.length, calm.arrivals.length],
  ])
})

const figures = (rest: Partial<Figures> = {}): Figures => ({
  name: 'some',
  requests: 1000,
  missedAnyway: [95, 100],
  missedAlone: [19, 20],
  met: [99, 100],
  metAtRisk: [1, 2],
  rightRetry: [19, 20],
  ...rest,
})

test('the targets may be reached exactly, and no less, by all traces together', () => {
  expect(judge([figures()]).map(({ met }) => met)).toEqual([true, true, true, true])
  const worse = figures({
    missedAnyway: [94, 100],
    missedAlone: [18, 20],
    met: [98, 100],
    rightRetry: [18, 20],
  })
  expect(judge([worse]).map(({ met }) => met)).toEqual([false, false, false, false])
  expect(judge([worse, figures({ met: [100, 100] })])[2]!.met).toBe(true)
  expect(sumOf('all', [worse, figures()])).toMatchObject({ requests: 2000, met: [197, 200] })
})

test('the report shows the verdict and each kind of trace', () => {
  const report = render(judge([figures({ met: [98, 100] })]), [figures({ metAtRisk: [0, 0] })])
  expect(report).toContain(
    '| requests told to be in time that are | 98.0 % of 100 | at least 99 % | **NOT reached** |',
  )
  expect(report).toContain(
    '| some | 1000 | 95.0 % of 100 | 95.0 % of 20 | 99.0 % of 100 | none | 95.0 % of 20 |',
  )
})
