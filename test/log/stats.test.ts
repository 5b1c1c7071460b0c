import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Event, LessonCause } from '../../src/core/events.ts'
import { statsOf } from '../../src/log/stats.ts'
import { play, scenarios } from '../support/scenario.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 60)

test('the statistics of a run are what counting it by hand gives', () => {
  const check = ({ events, all }: ReturnType<typeof play>) => {
    const stats = statsOf(events)
    expect(stats).toMatchObject({
      from: events[0]!.at,
      to: events.at(-1)!.at,
      requests: all('request.received').length,
      refused: all('request.rejected').length,
      expired: all('request.expired').length,
      abandoned: all('request.abandoned').length,
      failed: all('request.failed').length,
    })
    for (const llm of stats.llms) {
      const dispatched = all('request.dispatched').filter((event) => event.llm === llm.llm)
      const completed = all('request.completed').filter((event) => event.llm === llm.llm)
      const failed = all('attempt.failed').filter((event) => event.llm === llm.llm)
      const ended = all('request.failed').filter((event) => event.llm === llm.llm)
      const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0)
      expect(llm).toMatchObject({
        requests: dispatched.length,
        completed: completed.length,
        failedAttempts: failed.length,
        inputTokens: sum(completed.map(({ data }) => data.input_tokens)),
        outputTokens: sum(completed.map(({ data }) => data.output_tokens)),
        costNanoUsd: sum([...completed, ...ended].map(({ data }) => data.cost_nano_usd)),
        waitMsTotal: sum(dispatched.map(({ data }) => data.wait_ms)),
        waitMsMax: Math.max(0, ...dispatched.map(({ data }) => data.wait_ms)),
      })
      expect(sum(Object.values(llm.errors))).toBe(failed.length)
      for (const [name, count] of Object.entries(llm.errors))
        expect(count).toBe(failed.filter(({ data }) => data.class === name).length)
    }
  }
  const runs = scenarios({ mostUsed: 1.8, reports: true }).map((scenario) => play(scenario))
  fc.assert(
    fc.property(runs, (world) => void check(world)),
    { numRuns },
  )
})

test('an empty log has nothing to count', () => {
  expect(statsOf([])).toEqual({
    from: null,
    to: null,
    requests: 0,
    refused: 0,
    expired: 0,
    abandoned: 0,
    failed: 0,
    llms: [],
  })
})

test('the last lesson on each limit is told, apart from what is declared', () => {
  const lesson = (seq: number, amount: number, per_ms: number): Event => ({
    ...{ seq, at: 1000 * seq, type: 'llm.limit_learned', v: 1, request: null, llm: 'A' },
    data: {
      ...{ limit: 'requests_per_min', cause: 'refused', because: 'refused', declared: 60 },
      ...{ in_force: { amount, per_ms }, amount: null, until: null },
    },
  })
  const { llms } = statsOf([lesson(1, 50, 60_000), lesson(2, 10, 10_000), lesson(3, 40, 60_000)])
  expect(llms[0]!.learned.map(({ inForce, perMs, at }) => [inForce, perMs, at])).toEqual([
    [40, 60_000, 3000],
    [10, 10_000, 2000],
  ])
})

test('how a limit is counted is told apart from how much it is', () => {
  const lesson = (seq: number, cause: LessonCause, inForce: object): Event => ({
    ...{ seq, at: 1000 * seq, type: 'llm.limit_learned', v: 1, request: null, llm: 'A' },
    data: {
      ...{ limit: 'requests_per_min', cause, because: cause, declared: 60, amount: null, until: null },
      in_force: { amount: 60, per_ms: 60_000, ...inForce },
    },
  })
  const fixed = { window: 'fixed', phase_ms: 5_000, guard_ms: 1_020 }
  const events = [lesson(1, 'clean_window', {}), lesson(2, 'window_header', fixed)]
  const rows = (all: readonly Event[]) =>
    statsOf(all).llms[0]!.learned.map(({ cause, window, phaseMs }) => [cause, window, phaseMs])
  expect(rows(events)).toEqual([
    ['clean_window', null, null],
    ['window_header', 'fixed', 5_000],
  ])
  expect(rows([...events, lesson(3, 'window_refused', {})])).toEqual([
    ['clean_window', null, null],
    ['window_refused', null, null],
  ])
})
