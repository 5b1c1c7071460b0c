import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Event, type LessonCause, TERMINAL_TYPES } from '../../../src/core/events.ts'
import { DIMENSIONS, type Dimension } from '../../../src/log/stats/groups.ts'
import { createStats, type StatsOptions } from '../../../src/log/stats/stats.ts'
import { limit, llm } from '../../support/llms.ts'
import { play, scenarios } from '../../support/scenario.ts'
import { openWorld } from '../../support/world.ts'
import { startedAs } from '../../support/told.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 60)
const runs = scenarios({ mostUsed: 1.8, reports: true }).map((scenario) => ({
  specs: scenario.specs,
  events: play(scenario).events,
}))
const dimensions = fc.subarray([...DIMENSIONS], { minLength: 1 })

function statsOf(events: Iterable<Event>, options: Partial<StatsOptions> = {}) {
  const fold = createStats({ since: 0, by: ['llm'], ...options })
  for (const event of events) fold.take(event)
  return fold.result()
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)

function only<T extends Event['type']>(events: readonly Event[], type: T) {
  return events.filter((event): event is Extract<Event, { type: T }> => event.type === type)
}

/** Everything that is counted of these events, but for the requests. */
function countedByHand(events: readonly Event[]) {
  const completed = only(events, 'request.completed')
  const finished = only(events, 'attempt.finished')
  const errors = only(events, 'attempt.failed').map(({ data }) => data.class)
  const failed = only(events, 'request.failed')
  return {
    attempts: only(events, 'request.dispatched').length,
    completed: completed.length,
    refused: only(events, 'request.rejected').length,
    expired: only(events, 'request.expired').length,
    failed: failed.length,
    abandoned: only(events, 'request.abandoned').length,
    inputTokens: sum(completed.map(({ data }) => data.input_tokens)),
    cachedTokens: sum(finished.map(({ data }) => data.usage?.cached_tokens ?? 0)),
    outputTokens: sum(completed.map(({ data }) => data.output_tokens)),
    costNanoUsd: sum([...completed, ...failed].map(({ data }) => data.cost_nano_usd)),
    errors: new Map([...new Set(errors)].map((name) => [name, errors.filter((one) => one === name).length])),
    wait: nearest(completed.map(({ data }) => data.wait_ms)),
    firstByte: nearest(finished.map(({ data }) => data.first_byte_ms)),
    answer: nearest(completed.map(({ data }) => data.duration_ms)),
  }
}

/** Percentiles by nearest rank, in the buckets of a sketch: exact below 256 ms, else within 1 %. */
function nearest(times: readonly number[]) {
  const sorted = times.toSorted((a, b) => a - b)
  return [500, 950, 990].map(
    (permille) => sorted[Math.max(1, Math.ceil((times.length * permille) / 1000)) - 1] ?? 0,
  )
}

type Tally = ReturnType<typeof statsOf>['total']

function expectCounted(tally: Tally, byHand: ReturnType<typeof countedByHand>): void {
  const { wait, firstByte, answer, ...counts } = byHand
  expect(tally).toMatchObject(counts)
  for (const [sketch, exact] of [
    [tally.wait, wait],
    [tally.firstByte, firstByte],
    [tally.answer, answer],
  ] as const)
    for (const [i, permille] of [500, 950, 990].entries()) {
      const off = exact[i]! - sketch.quantile(permille)
      expect(off).toBeGreaterThanOrEqual(0)
      expect(off).toBeLessThanOrEqual(exact[i]! / 100)
    }
}

/** The LLM of each event that counts: its own, or that of the attempt that its request was in. */
function llmAt(events: readonly Event[], i: number): string | null {
  const { llm: own, request } = events[i]!
  if (own !== null) return own
  const before = events.slice(0, i).filter((one) => one.request === request)
  const last = before.findLast(({ type }) => type === 'request.dispatched' || type === 'request.retried')
  return last?.type === 'request.dispatched' ? last.llm : null
}

const SILENT = ['request.queued', 'request.retried', 'attempt.started']

/** The events of each group, by the text of its values. */
function groupedByHand(events: readonly Event[], by: readonly Dimension[]): Map<string, Event[]> {
  const groups = new Map<string, Event[]>()
  for (const [i, event] of events.entries()) {
    if (event.request === null || SILENT.includes(event.type)) continue
    if (by.includes('llm') && event.type === 'request.received') continue
    const arrival = only(events, 'request.received').find(({ request }) => request === event.request)!
    const time = new Date(event.at).toISOString()
    const values = {
      llm: llmAt(events, i) ?? '-',
      client: arrival.data.client,
      model: arrival.data.model,
      hour: `${time.slice(0, 13)}:00Z`,
      day: time.slice(0, 10),
    }
    const key = by.map((dimension) => values[dimension]).join()
    groups.set(key, [...(groups.get(key) ?? []), event])
  }
  return groups
}

describe('the statistics of a run are what counting it by hand gives:', () => {
  test('in all', () => {
    const check = (events: readonly Event[]) => {
      const stats = statsOf(events)
      expect(stats).toMatchObject({ from: events[0]!.at, to: events.at(-1)!.at, events: events.length })
      expect(stats.total.requests).toBe(only(events, 'request.received').length)
      expectCounted(stats.total, countedByHand(events))
    }
    fc.assert(
      fc.property(runs, ({ events }) => check(events)),
      { numRuns },
    )
  })

  test('in every group, by whatever they are made', () => {
    const check = (events: readonly Event[], by: readonly Dimension[]) => {
      const groups = groupedByHand(events, by)
      const stats = statsOf(events, { by })
      expect(stats.groups.map(({ values }) => values.join()).toSorted()).toEqual(
        [...groups.keys()].toSorted(),
      )
      for (const { values, tally } of stats.groups)
        expectCounted(tally, countedByHand(groups.get(values.join())!))
    }
    fc.assert(
      fc.property(runs, dimensions, ({ events }, by) => check(events, by)),
      { numRuns },
    )
  })

  test('a request counts where it arrived, or by LLM at each it was put to and else at none', () => {
    const check = (events: readonly Event[]) => {
      const all = only(events, 'request.received').map(({ request }) => request)
      const byClient = statsOf(events, { by: ['client'] }).groups
      expect(sum(byClient.map(({ tally }) => tally.requests))).toBe(all.length)
      const llmsOf = (request: string | null) => {
        const tried = only(events, 'request.dispatched').filter((one) => one.request === request)
        return tried.length === 0 ? ['-'] : [...new Set(tried.map((one) => one.llm))]
      }
      const put = all.flatMap(llmsOf)
      for (const { values, tally } of statsOf(events).groups)
        expect(tally.requests).toBe(put.filter((name) => name === values[0]).length)
    }
    fc.assert(
      fc.property(runs, ({ events }) => check(events)),
      { numRuns },
    )
  })

  test('of a span, with what came before it known', () => {
    const check = (events: readonly Event[], share: number) => {
      const since = events[Math.floor((events.length - 1) * share)]!.at
      const inSpan = events.filter(({ at }) => at >= since)
      const stats = statsOf(events, { since, by: ['client'] })
      expect(stats).toMatchObject({ from: since, events: inSpan.length })
      expect(stats.total.requests).toBe(only(inSpan, 'request.received').length)
      expectCounted(stats.total, countedByHand(inSpan))
      for (const { values, tally } of stats.groups) {
        expect(values[0]).not.toBe('-')
        const own = groupedByHand(events, ['client']).get(values[0]!)!
        expectCounted(tally, countedByHand(own.filter(({ at }) => at >= since)))
      }
    }
    fc.assert(
      fc.property(runs, fc.double({ min: 0, max: 1, noNaN: true }), ({ events }, share) =>
        check(events, share),
      ),
      { numRuns },
    )
  })

  test('how long each limit kept requests waiting', () => {
    const check = (events: readonly Event[], since: number) => {
      const bound = new Map<string, number>()
      const later = events.filter(({ at }) => at >= since)
      for (const [i, { at }] of later.entries()) {
        const next = later[i + 1]
        if (next === undefined || next.at === at) continue
        const seen = events.filter((one) => one.at <= at)
        if (waitingIn(seen) === 0) continue
        for (const key of exhaustedIn(seen)) bound.set(key, (bound.get(key) ?? 0) + next.at - at)
      }
      const found = statsOf(events, { since }).limits.map(({ llm, limit, boundMs }) => [
        `${llm} ${limit}`,
        boundMs,
      ])
      expect(found.toSorted()).toEqual([...bound].toSorted())
    }
    fc.assert(
      fc.property(runs, fc.boolean(), ({ events }, whole) =>
        check(events, whole ? 0 : events[events.length >> 1]!.at),
      ),
      { numRuns },
    )
  })
})

/** How many requests wait once these events have happened. */
function waitingIn(events: readonly Event[]): number {
  const last = new Map(events.filter(({ request }) => request !== null).map((one) => [one.request, one.type]))
  return [...last.values()].filter((type) => type === 'request.queued' || type === 'request.retried').length
}

/** The LLMs that have no room once these events have happened, each with the limit. */
function exhaustedIn(events: readonly Event[]): string[] {
  const states = events.filter(({ type }) => /^llm\.(available|exhausted|cooling|disabled)$/.test(type))
  const last = new Map(states.map((one) => [one.llm, one]))
  return [...last].flatMap(([name, one]) =>
    one.type === 'llm.exhausted' ? [`${name} ${one.data.limit.split(',')[0]}`] : [],
  )
}

describe('limits', () => {
  test('are used by the calls there were', () => {
    const check = ({ specs, events }: { specs: StatsOptions['llms']; events: readonly Event[] }) => {
      const { limits: all, total } = statsOf(events, { llms: specs! })
      // What is not declared was learned, and is told for the time alone that it kept requests waiting.
      const limits = all.filter(({ unit }) => unit !== null)
      const declared = specs!.flatMap(({ name, limits: own }) => own.map((one) => `${name} ${one.name}`))
      expect(limits.map((one) => `${one.llm} ${one.limit}`)).toEqual(declared)
      const calls = (name: string) => only(events, 'request.dispatched').filter((one) => one.llm === name)
      for (const { llm: name, unit, used, peak } of limits) {
        if (unit === 'requests') expect(used).toBe(calls(name).length)
        if (unit !== 'requests' && unit !== 'concurrency')
          expect(used).toBe(tokensByHand(events, name)[unit!])
        if (unit === 'concurrency') expect(used).toBe(callMsByHand(events, name))
        if (calls(name).length === 0) expect([used, peak]).toEqual([0, 0])
        if (unit !== 'concurrency') expect(peak).toBeLessThanOrEqual(used)
      }
      expect(total.attempts).toBe(sum(specs!.map(({ name }) => calls(name).length)))
    }
    fc.assert(fc.property(runs, check), { numRuns })
  })

  test('of calls under way are used from the first instant of a span on, by what runs then too', () => {
    const check = ({ specs, events }: { specs: StatsOptions['llms']; events: readonly Event[] }) => {
      for (const since of new Set(events.map(({ at }) => at))) {
        const { limits } = statsOf(events, { llms: specs!, since })
        for (const { llm: name, unit, used } of limits)
          if (unit === 'concurrency') expect(used).toBe(callMsByHand(events, name, since))
      }
    }
    fc.assert(fc.property(runs, check), { numRuns })
  })

  test('of tokens are charged what was reported, or else what was set aside', () => {
    const world = openWorld({
      specs: [llm('A', { limits: [limit('tokens', 1000), limit('concurrency', 5)] })],
    })
    world.finishes(world.arrives(), { input: 7, output: 5 })
    world.finishes(world.arrives())
    world.fails(world.arrives(), 'bad_request')
    const reserved = world.all('request.dispatched')[1]!.data.reserved
    const [tokens] = statsOf(world.events, { llms: [llm('A', { limits: [limit('tokens', 1000)] })] }).limits
    expect(tokens!.used).toBe(12 + reserved.input_tokens + reserved.output_tokens)
    expect([tokens!.capacity, tokens!.allowed]).toEqual([1000, 1000])
  })

  test('that are shared are used by all who share them', () => {
    const shared = limit('requests', 10, 60_000, 'both', { shared: 'account' })
    const specs = [llm('A', { limits: [shared] }), llm('B', { limits: [shared] })]
    const world = openWorld({ specs })
    for (let i = 0; i < 3; i++) world.finishes(world.arrives({ model: i === 0 ? 'A' : 'B' }))
    expect(statsOf(world.events, { llms: specs }).limits).toMatchObject([
      { llm: 'A', shared: 'account', used: 3, peak: 3 },
      { llm: 'B', shared: 'account', used: 3, peak: 3 },
    ])
  })

  test('begin anew where a process declares them otherwise, and go on where it does not', () => {
    const minutely = limit('requests', 10)
    const started = (seq: number, at: number, limits: readonly object[]): Event => ({
      ...{ seq, at, type: 'process.started', v: 1, request: null, llm: null },
      data: startedAs({ llms: [{ name: 'A', limits }] }),
    })
    const call = (seq: number, at: number): Event => ({
      ...{ seq, at, type: 'request.dispatched', v: 1, request: 'r', llm: 'A' },
      data: {
        ...{ attempt: 1, wait_ms: 0, waited_for: null, candidates: [] },
        reserved: { input_tokens: 1, output_tokens: 1 },
      },
    })
    const larger = { ...minutely, amount: 20 }
    const events = [
      ...[started(1, 0, [minutely]), call(2, 10), started(3, 20, [minutely]), call(4, 30)],
      ...[started(5, 40, [larger]), call(6, 50)],
    ]
    expect(statsOf(events).limits).toMatchObject([
      { capacity: 10, used: 2, from: 0, to: 40 },
      { capacity: 20, used: 1, from: 40, to: 50 },
    ])
  })
})

const ENDS: readonly string[] = ['attempt.finished', 'attempt.failed', ...TERMINAL_TYPES]

/** The calls to an LLM, each with the event that ended it. */
function callsByHand(events: readonly Event[], name: string) {
  return only(events, 'request.dispatched')
    .filter((one) => one.llm === name)
    .map((start) => {
      const isEnd = ({ seq, request, type }: Event) =>
        seq > start.seq && request === start.request && ENDS.includes(type)
      return { start, end: events.find(isEnd)! }
    })
}

/** The time that calls to an LLM were under way in all, from an instant on. */
function callMsByHand(events: readonly Event[], name: string, since = 0): number {
  return sum(
    callsByHand(events, name).map(({ start, end }) => Math.max(since, end.at) - Math.max(since, start.at)),
  )
}

/** Tokens that calls to an LLM were charged: what was reported, nothing where they were turned away, else all set aside. */
function tokensByHand(events: readonly Event[], name: string) {
  const charges = callsByHand(events, name).map(({ start, end }) => {
    if (end.type === 'attempt.finished' && end.data.usage !== null) return end.data.usage
    const isTurnedAway =
      end.type === 'attempt.failed' &&
      (end.data.class === 'unreachable' ||
        (end.data.status !== null && /^[34]/.test(String(end.data.status))))
    return isTurnedAway ? { input_tokens: 0, output_tokens: 0 } : start.data.reserved
  })
  const [input_tokens, output_tokens] = [
    sum(charges.map((one) => one.input_tokens)),
    sum(charges.map((one) => one.output_tokens)),
  ]
  return { input_tokens, output_tokens, tokens: input_tokens + output_tokens }
}

test('a crash cuts off what ran, and nothing waits or is bound while nobody serves', () => {
  const specs = [llm('A', { limits: [limit('concurrency', 1)] })]
  const world = openWorld({ specs })
  world.arrives()
  world.arrives()
  const before = world.events.length
  const end = world.events.at(-1)!
  const head = { seq: end.seq + 1, at: end.at + 1_000_000, v: 1, request: null, llm: null } as const
  const data = startedAs(null)
  const restart: Event = { ...head, type: 'process.started', data }
  const failures = world.all('request.received').map(
    ({ request }, i): Event => ({
      ...{ ...head, seq: head.seq + 1 + i, request, type: 'request.failed' },
      data: { attempts: 1 - i, status: 503, code: 'restarted', message: '', cost_nano_usd: 0, wait_ms: 0 },
    }),
  )
  const { limits, groups, events } = statsOf([...world.events, restart, ...failures], { llms: specs })
  expect(events).toBe(before + 3)
  expect(limits).toMatchObject([{ limit: 'concurrency_limit', used: 0, peak: 1, boundMs: 0 }])
  expect(groups.map(({ values, tally }) => [...values, tally.requests, tally.failed])).toEqual([
    ['-', 1, 1],
    ['A', 1, 1],
  ])
})

test('what waited and was bound before a crash counts until then, and is over after it', () => {
  const before = llm('A', { limits: [limit('concurrency', 1)] })
  const first = openWorld({ specs: [before] })
  first.arrives()
  first.arrives()
  first.clock.advance(500)
  first.arrives()
  const crashed = [...first.events]
  first.clock.advance(1000)
  const after = llm('B', { limits: [limit('concurrency', 1)] })
  const second = openWorld({ specs: [after], clock: first.clock })
  const data = startedAs({ llms: [after] })
  second.balancer.ingest('process.started', data)
  // B has no room for 300 ms, and for 200 of them somebody waits.
  const running = second.arrives()
  first.clock.advance(100)
  const waiting = second.arrives()
  first.clock.advance(200)
  second.finishes(running)
  first.clock.advance(400)
  second.finishes(waiting)
  expect(statsOf([...crashed, ...second.events], { llms: [before] }).limits).toMatchObject([
    { llm: 'A', boundMs: 500 },
    { llm: 'B', boundMs: 200 },
  ])
})

test('an empty log has nothing to count', () => {
  const stats = statsOf([])
  expect(stats).toMatchObject({ from: null, to: null, events: 0, groups: [], limits: [], learned: [] })
  expectCounted(stats.total, countedByHand([]))
})

test('the last lesson on each limit is told, apart from what is declared', () => {
  const lesson = (seq: number, amount: number, per_ms: number): Event => ({
    ...{ seq, at: 1000 * seq, type: 'llm.limit_learned', v: 1, request: null, llm: 'A' },
    data: {
      ...{ limit: 'requests_per_min', cause: 'refused', because: 'refused', declared: 60 },
      ...{ in_force: { amount, per_ms }, amount: null, until: null },
    },
  })
  const { learned } = statsOf([lesson(1, 50, 60_000), lesson(2, 10, 10_000), lesson(3, 40, 60_000)])
  expect(learned.map(({ in_force, per_ms, at }) => [in_force, per_ms, at])).toEqual([
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
    statsOf(all).learned.map(({ cause, window, phase_ms }) => [cause, window, phase_ms])
  expect(rows(events)).toEqual([
    ['clean_window', null, null],
    ['window_header', 'fixed', 5_000],
  ])
  expect(rows([...events, lesson(3, 'window_refused', {})])).toEqual([
    ['clean_window', null, null],
    ['window_refused', null, null],
  ])
})
