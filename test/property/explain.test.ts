import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import type { Event } from '../../src/core/events.ts'
import { type DecisionAt, FATES } from '../../src/replay/explain/explanation.ts'
import { simulate } from '../../src/sim/simulate.ts'
import { parseWorkload } from '../../src/sim/workload.ts'
import { play, scenarios } from '../support/scenario.ts'
import { event } from '../support/events.ts'
import { START } from '../support/virtual-clock.ts'
import { startedWith, tell } from '../support/told.ts'
import type { World } from '../support/world.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 30)

/** The log of a world as one process after its start: each event, and each id, one further. */
function logOf({ events, balancer }: World): Event[] {
  const moved = (id: string | null) =>
    id === null ? null : id.replace(/[0-9a-z]+$/, (seq) => (Number.parseInt(seq, 36) + 1).toString(36))
  const started = event(1, 'process.started', startedWith(balancer.state.policy, START), { at: START })
  return [
    started,
    ...events.map((one) => ({ ...one, seq: one.seq + 1, request: moved(one.request) }) as Event),
  ]
}

/** That what is told of the candidates at each start is what the decision noted; how many had a score. */
function expectNoted(decisions: readonly DecisionAt[]): number {
  let scored = 0
  for (const { candidates, what, llm } of decisions) {
    if (what !== 'dispatched') continue
    for (const { noted, score, llm: name, status } of candidates) {
      if (noted === null) continue
      if (!('score' in noted)) {
        if (noted.excluded.endsWith('has no room')) expect([name, status]).toEqual([name, 'exhausted'])
        continue
      }
      scored++
      const { cost, quality, speed, now } = score!
      expect({ llm: name, score: now, cost, quality, speed }).toEqual(noted)
      expect(status).toBe('available')
    }
    const taken = candidates.find((one) => one.llm === llm)!
    expect(taken.limits.filter(({ fits }) => !fits)).toEqual([])
  }
  return scored
}

test('the candidates that are told of each decision are those that it noted in the log', () => {
  let scored = 0
  const check = (events: readonly Event[]) => {
    const ids = events.filter(({ type }) => type === 'request.received').map(({ request }) => request!)
    for (const id of ids) {
      scored += expectNoted(tell(id, events).decisions)
    }
  }
  const runs = scenarios({ mostUsed: 1.8, reports: true, mostArrivals: 25 }).map((scenario) =>
    logOf(play(scenario)),
  )
  fc.assert(fc.property(runs, check), { numRuns })
  expect(scored).toBeGreaterThan(numRuns)
})

test('every request of a run can be told at any place of its log, as plain JSON whose time has no gap', () => {
  const ends: Record<string, string> = {
    ...Object.fromEntries(FATES.map((fate) => [`request.${fate}`, fate])),
  }
  const check = ([events, cut]: [Event[], number]) => {
    const kept = events.slice(0, 1 + Math.ceil(cut * (events.length - 1)))
    for (const { type, request } of kept) {
      if (type !== 'request.received') continue
      const told = tell(request!, kept)
      expect(JSON.parse(JSON.stringify(told))).toEqual(told)
      const last = kept.findLast((one) => one.request === request)!
      expect(told.fate).toBe(ends[last.type] ?? told.fate)
      let at = told.at
      for (const { from, to, ms } of told.phases) {
        expect(from).toBe(at)
        expect(ms).toBe((to ?? told.as_of.at) - from)
        at = to ?? told.as_of.at
      }
      expect(at).toBe(told.end?.at ?? told.as_of.at)
    }
  }
  const logs = scenarios({ mostUsed: 1.8, reports: true, mostArrivals: 25 }).map((scenario) =>
    logOf(play(scenario)),
  )
  const cut = fc.double({ min: 0, max: 1, noNaN: true })
  fc.assert(fc.property(fc.tuple(logs, cut), check), { numRuns })
})

/** Windows of every kind, rules of charging, ceilings and paces, and more requests than they take. */
const KINDS = `
queue: { ceilings: { high: 1, normal: 0.9, low: 0.6 }, max_wait: 20m }
llms:
  - { name: A, api_type: openai, model: a, api_key_name: K, context_length: 20000, quality: 0.9, cost_input: 1, cost_output: 4,
      limits: [{ unit: requests, amount: 20, per: 1m, window: bucket, burst: 4 }, { unit: tokens, amount: 30000, per: 1m, window: fixed }] }
  - { name: B, api_type: groq, model: b, api_key_name: K, context_length: 20000, quality: 0.7, cost_input: 0.1,
      limits: [{ unit: tokens, amount: 20000, per: 1m, charge: reserve_trueup }, { unit: requests, amount: 900, per: 1d, window: fixed, pace: true }] }
  - { name: C, api_type: google, model: c, api_key_name: K, context_length: 20000, quality: 0.5, requests_per_min: 6, max_concurrency: 2,
      limits: [{ unit: output_tokens, amount: 4000, per: 1m, window: universal }, { unit: requests, amount: 500, per: 1d, window: calendar, time_zone: Europe/Berlin }] }
`
const CROWD = `
sources:
  - { client: people, pattern: steady, per_hour: 3600, priority: normal }
  - { client: batch, pattern: burst, requests: 200, at: 20s, every: 10m, priority: low, max_wait: 15m }
  - { client: boss, pattern: steady, per_hour: 180, priority: high }
`

test('so are those of a crowd before limits of every kind', () => {
  const [config, workload] = [parseConfig(KINDS, 'kinds.yaml'), parseWorkload(CROWD, 'crowd.yaml')]
  if (!config.ok || !workload.ok) throw new Error(JSON.stringify([config, workload]))
  const events: Event[] = []
  const event = (one: Event) => void events.push(one)
  simulate({ config: config.config, workload: workload.workload, seed: 1, forMs: 240_000, event })
  const dispatched = events.filter(({ type }) => type === 'request.dispatched')
  let waited = 0
  for (let i = 0; i < dispatched.length; i += 20) {
    const { request } = dispatched[i]!
    const { decisions } = tell(request!, events)
    waited += decisions.length > 1 ? 1 : 0
    expectNoted(decisions)
  }
  expect(waited).toBeGreaterThan(4)
})
