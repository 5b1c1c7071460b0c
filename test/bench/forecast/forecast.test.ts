import { expect, test } from 'vitest'
import { judge, render } from './forecast-report.ts'
import { type Figures, measureTrace, sumOf } from './measure.ts'
import { play, slackOf } from './run.ts'
import { createTrace, type Trace } from './traces.ts'

const trace = createTrace('free', 'bursts, one client', 1)

test('a burst is refused where it would miss its deadline, and told when to come again', () => {
  const effort = { letInOneIn: 4, againOneIn: 4, againAloneOneIn: 4 }
  const { missedAnyway, missedAlone, met, kept, rightRetry, rightAlone } = measureTrace(trace, effort)
  expect(missedAnyway[1]).toBeGreaterThan(5)
  expect(missedAnyway[0] / missedAnyway[1]).toBeGreaterThanOrEqual(0.95)
  expect(missedAlone[0]).toBeGreaterThan(0)
  expect(missedAlone[0]).toBe(missedAlone[1])
  expect(met[0] / met[1]).toBeGreaterThan(0.9)
  for (const right of [kept, rightRetry]) {
    expect(right[1]).toBeGreaterThan(0)
    expect(right[0]).toBe(right[1])
  }
  // The first who are refused are expected to come again, and do not: one is told a wait that is too long.
  expect(rightAlone).toEqual([2, 3])
})

test('a dry run serves as if nothing were refused, and marks what would be', () => {
  const starts = (fates: ReturnType<typeof play>) => fates.map(({ startMs }) => startMs)
  const dry = play(trace, { earlyRefusal: 'dry_run' })
  expect(starts(dry)).toEqual(starts(play(trace, { earlyRefusal: 'off' })))
  expect(dry.filter(({ wouldRefuse }) => wouldRefuse).length).toBeGreaterThan(5)
})

const refusedIn = (fates: ReturnType<typeof play>) =>
  fates.filter(({ retryAfterMs }) => retryAfterMs !== null)

test('a guest is let in when it comes again, and what is played ends when its fate is known', () => {
  const [refused] = refusedIn(play(trace, { earlyRefusal: 'on' }))
  const { id, maxWaitMs } = refused!.arrival
  const tries = (delayMs: number) => {
    const fates = play(trace, { earlyRefusal: 'on', guest: { id, delayMs } })
    expect(Math.max(...fates.map(({ atMs }) => atMs))).toBeLessThanOrEqual(
      refused!.atMs + delayMs + maxWaitMs,
    )
    return fates.filter(({ arrival }) => arrival.id === id)
  }
  expect(tries(7)).toMatchObject([
    { nth: 0, atMs: refused!.atMs, retryAfterMs: refused!.retryAfterMs },
    { nth: 1, atMs: refused!.atMs + 7, retryAfterMs: null },
  ])
  expect(tries(0)).toMatchObject([{ nth: 0, atMs: refused!.atMs, retryAfterMs: null }])
})

test('where all heed what they are told, all come again within a fifth of it, or a second', () => {
  const fates = play(trace, { earlyRefusal: 'on', isHeeded: true })
  const refused = refusedIn(fates)
  expect(refused.length).toBeGreaterThan(5)
  for (const { arrival, nth, atMs, retryAfterMs } of refused) {
    const again = fates.find((fate) => fate.arrival.id === arrival.id && fate.nth === nth + 1)!
    expect(again.atMs - atMs).toBeGreaterThanOrEqual(retryAfterMs!)
    expect(again.atMs - atMs).toBeLessThanOrEqual(retryAfterMs! + slackOf(retryAfterMs!))
  }
})

test('a trace with no more than the LLMs can take has no refusal, and all are in time', () => {
  const calm: Trace = { ...trace, arrivals: trace.arrivals.filter((_, i) => i % 20 === 0) }
  const { missedAnyway, met } = measureTrace(calm, { letInOneIn: 1, againOneIn: 1, againAloneOneIn: 1 })
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
  kept: [95, 100],
  rightRetry: [19, 20],
  rightAlone: [38, 40],
  metHeeded: [97, 100],
  ...rest,
})

test('the targets may be reached exactly, and no less, by all traces together', () => {
  expect(judge([figures()]).map(({ met }) => met)).toEqual(Array(6).fill(true))
  const worse = figures({
    missedAnyway: [94, 100],
    missedAlone: [18, 20],
    met: [98, 100],
    kept: [94, 100],
    rightRetry: [18, 20],
    rightAlone: [37, 40],
  })
  expect(judge([worse]).map(({ met }) => met)).toEqual(Array(6).fill(false))
  expect(judge([worse, figures({ met: [100, 100] })])[2]!.met).toBe(true)
  expect(sumOf('all', [worse, figures()])).toMatchObject({ requests: 2000, met: [197, 200] })
})

test('the report shows the verdict and each kind of trace', () => {
  const report = render(judge([figures({ met: [98, 100] })]), [figures({ metAtRisk: [0, 0] })])
  expect(report).toContain(
    '| requests told to be in time that are | 98.0 % of 100 | at least 99 % | **NOT reached** |',
  )
  expect(report).toContain(
    '| some | 1000 | 95.0 % of 100 | 95.0 % of 20 | 99.0 % of 100 | none | 95.0 % of 40 |',
  )
  expect(report).toContain('| some | 95.0 % of 100 | 95.0 % of 20 | 97.0 % of 100 |')
})
