import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import { FATES } from '../../src/replay/explanation.ts'
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

test('the candidates that are told of each decision are those that it noted in the log', () => {
  let scored = 0
  const check = (events: readonly Event[]) => {
    const ids = events.filter(({ type }) => type === 'request.received').map(({ request }) => request!)
    for (const id of ids) {
      for (const { candidates, what, llm } of tell(id, events).decisions) {
        if (what !== 'dispatched') continue
        for (const { noted, score, llm: name, status } of candidates) {
          if (noted === null || !('score' in noted)) continue
          scored++
          const { cost, quality, speed, now } = score!
          expect({ llm: name, score: now, cost, quality, speed }).toEqual(noted)
          expect(status).toBe('available')
        }
        const taken = candidates.find((one) => one.llm === llm)!
        expect(taken.limits.filter(({ fits }) => !fits)).toEqual([])
      }
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
