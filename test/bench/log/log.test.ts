import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { ROOT, runtimeCommand } from '../../e2e/runtimes.ts'
import { repeated, simulatedDay } from './day.ts'
import { waitP99 } from './measure.ts'
import { judgeLog, type LogResults, renderLog } from './log-report.ts'

test('the bench runs through, on a small log', { timeout: 120_000 }, () => {
  const [command, ...args] = runtimeCommand('bun')
  const out = execFileSync(command, [...args, 'test/bench/log/log.ts', '--quick'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  expect(out).toContain('| read, unpack and fold |')
  expect(out).toMatch(/The log: 5,\d{3} events of \d+ bytes each, 5 checkpoints/)
})

test('a later day is the same, with numbers, times and ids of its own', () => {
  const day = simulatedDay(0.02)
  expect([...repeated(day, 0, 0)]).toEqual(day)
  const next = [...repeated(day, 1, day.length)]
  expect(next.map(({ seq }) => seq)).toEqual(day.map((_, i) => day.length + 1 + i))
  expect(next[0]!.at).toBeGreaterThan(day.at(-1)!.at)
  for (const { type, seq, request } of next)
    if (type === 'request.received') expect(request!.endsWith(`_${seq.toString(36)}`)).toBe(true)
  const ids = new Set(day.map(({ request }) => request).filter((id) => id !== null))
  expect(next.filter(({ request }) => request !== null && ids.has(request))).toEqual([])
})

const took = { processMs: 500, peakMb: 100, callMs: 20 }
const results: LogResults = {
  built: {
    events: 1e7,
    bytes: 1.4e9,
    checkpoints: 500,
    checkpointBytes: 5e6,
    appendMs: 40_000,
    appendCpuMs: 30_000,
  },
  fold: { events: 2e6, perSecond: 400_000, perCpuSecond: 700_000 },
  replayAt: took,
  explain: took,
  retention: { slices: 250, commits: 125_000, waitP99Ms: 4, grownMb: 2 },
}
const missed = (rest: Partial<LogResults>) =>
  judgeLog({ ...results, ...rest })
    .filter(({ met }) => !met)
    .map(({ what }) => what)

test('what is too slow or too large is said to be', () => {
  expect(missed({})).toEqual([])
  expect(missed({ built: { ...results.built, appendMs: 51_000 } })).toEqual([
    'append, in commits of 64 events',
  ])
  expect(missed({ fold: { ...results.fold, perSecond: 299_999 } })).toEqual(['read, unpack and fold'])
  expect(missed({ replayAt: { ...took, processMs: 1_000 } })).toEqual(['`replay --at`, whole process'])
  expect(missed({ replayAt: { ...took, peakMb: 900 } })).toEqual(['its peak memory'])
  expect(missed({ explain: { ...took, callMs: 101 } })).toEqual(['`explain`'])
  const { retention } = results
  expect(missed({ retention: { ...retention, waitP99Ms: 10.1 } })).toEqual([
    'a commit waits while old ones are deleted, p99',
  ])
  expect(missed({ retention: { ...retention, grownMb: 51 } })).toEqual(['memory that deleting takes'])
})

test('who comes during a slice waits for what is left of it', () => {
  expect(waitP99([])).toBe(0)
  // Half of a slice of 1 ms is about a hundredth of the 51 ms until the next.
  expect(waitP99([1])).toBe(0.5)
  // Half of the time is within slices of 50 ms; a hundredth of all is a fiftieth of them.
  expect(waitP99([50, 50, 50])).toBe(49)
})

test('the report tells of the log, and of what was deleted', () => {
  const text = renderLog(judgeLog(results), results)
  expect(text).toContain('`explain` as a whole process: 500 ms.')
  expect(text).toContain('Deleted: 125,000 commits in 250 slices.')
})
