import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Event, type EventType, isTerminal, TERMINAL_TYPES } from '../../src/core/events.ts'
import { overrunsOf } from '../support/ground-truth.ts'
import { createNaiveDispatcher } from '../support/naive-dispatcher.ts'
import { type Kind, play, type Scenario, scenarios } from '../support/scenario.ts'
import { isDecision, policyOf, type World } from '../support/world.ts'

/** `LLB_TEST_RUNS=20000` makes it a campaign. */
const numRuns = Number(process.env.LLB_TEST_RUNS ?? 250)
/** Providers that keep to their limits, and answers that stay within what was set aside for them. */
const honest = scenarios({ mostUsed: 1, reports: false })
const shortQueues = (kind: Kind) =>
  fc.oneof(scenarios({ ...kind, mostWaiting: 12 }), scenarios({ ...kind, mostWaiting: 12, crowded: true }))
/** Answers that take more than was set aside, and quotas that somebody else uses too. */
const wild = scenarios({ mostUsed: 1.8, reports: true })

const MODELLED: ReadonlySet<EventType> = new Set<EventType>([
  ...TERMINAL_TYPES.filter((type) => type !== 'request.abandoned'),
  'request.dispatched',
  'request.retried',
])

/** From here on a plan is made, which the model knows nothing of. */
const PLANNED_FROM = 20

function agreesWithTheModel(scenario: Scenario): void {
  const model = createNaiveDispatcher(policyOf(scenario.specs, scenario.policy))
  let [seen, before] = [0, 0]
  let wakes: readonly number[] = []
  play(scenario, ({ events, balancer: { views } }) => {
    const turns = turnsOf(events.slice(seen))
    for (const [input, ...decisions] of turns) {
      if (model.size() >= PLANNED_FROM) return
      const { at } = input!
      expect(at, 'something could move earlier').toBeLessThanOrEqual(model.nextMove(before))
      for (const decision of decisions) {
        if (decision.type === 'llm.available' && decision.data.after === 'cooling')
          expect(at).toBe(model.cooled(decision.llm!))
      }
      const decided = decisions.filter((decision) => MODELLED.has(decision.type))
      const told = decided.map((decision) => `${decision.type} ${decision.request} ${decision.llm ?? '-'}`)
      const isDue = wakes.some((wakeAt) => wakeAt <= at)
      expect(told).toEqual(model.take(input!, isDue))
      before = at
    }
    seen = events.length
    wakes = views.map(({ wakeAt }) => wakeAt)
  })
}

/** Each input with the decisions that follow it. */
function turnsOf(events: readonly Event[]): Event[][] {
  const turns: Event[][] = []
  for (const event of events) {
    if (isDecision(event)) turns.at(-1)!.push(event)
    else turns.push([event])
  }
  return turns
}

test('the dispatcher decides as a naive one does, and never a millisecond later', () => {
  fc.assert(fc.property(shortQueues({ mostUsed: 1, reports: false }), agreesWithTheModel), { numRuns })
})

test('it does so too when answers overrun their reservations and others use the quotas', () => {
  fc.assert(fc.property(shortQueues({ mostUsed: 1.8, reports: true }), agreesWithTheModel), { numRuns })
})

describe('in every run', () => {
  const holds = (check: (world: World, scenario: Scenario) => void, kind = wild) =>
    fc.assert(
      fc.property(kind, (scenario) => void check(play(scenario), scenario)),
      { numRuns },
    )

  test('every request ends exactly once, and nothing is heard of it afterwards', () => {
    holds(({ events, all }) => {
      const ended = new Set<string>()
      for (const { type, request } of events) {
        if (request === null) continue
        expect(ended.has(request)).toBe(false)
        if (isTerminal(type)) ended.add(request)
      }
      expect(ended.size).toBe(all('request.received').length)
    })
  })

  test('at every instant, each request that arrived waits, runs or has ended', () => {
    const check = (scenario: Scenario) => {
      let [arrived, ended, seen] = [0, 0, 0]
      play(scenario, ({ events, balancer: { state } }) => {
        for (; seen < events.length; seen++) {
          const { type } = events[seen]!
          if (type === 'request.received') arrived++
          if (isTerminal(type)) ended++
        }
        expect(state.queue.byId.size + state.running.size).toBe(arrived - ended)
      })
    }
    fc.assert(fc.property(wild, check), { numRuns })
  })

  test('the sequence has no gap and time never goes back', () => {
    holds(({ events }) => {
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1))
      for (const [i, { at }] of events.entries())
        expect(at).toBeGreaterThanOrEqual(events[Math.max(0, i - 1)]!.at)
    })
  })

  test('no provider that counts for itself ever sees one of its limits overrun', () => {
    holds(({ events }, { specs }) => expect(overrunsOf(events, specs)).toEqual([]), honest)
  })

  test('in the end nothing waits, runs, is held or is armed, and every LLM is back', () => {
    holds(({ balancer, clock, fatal }) => {
      expect(fatal).toEqual([])
      expect([balancer.state.queue.byId.size, balancer.state.queue.bytes]).toEqual([0, 0])
      expect(balancer.state.running.size).toBe(0)
      for (const { account, status } of balancer.views) {
        expect(['available', 'disabled']).toContain(status)
        for (const { held, reserved } of account.ledgers) expect([held.size, reserved]).toEqual([0, 0])
      }
      expect(clock.armed()).toBe(0)
    })
  })

  test('no call starts on an LLM that is cooling, disabled or was left out for this request', () => {
    holds(({ events }) => {
      const closed = new Set<string>()
      const failed = new Set<string>()
      for (const { type, llm, request, data } of events) {
        if (type === 'llm.cooling' || type === 'llm.disabled') closed.add(llm!)
        if (type === 'llm.available') closed.delete(llm!)
        const capacity = ['rate_limited', 'overloaded', 'quota_exhausted', 'unreachable']
        if (type === 'attempt.failed' && !capacity.includes(data.class)) failed.add(`${request} ${llm}`)
        if (type !== 'request.dispatched') continue
        expect(closed.has(llm!)).toBe(false)
        expect(failed.has(`${request} ${llm}`)).toBe(false)
      }
    })
  })

  test('the same facts are decided the same way, twice over', () => {
    fc.assert(
      fc.property(wild, (scenario) => void expect(play(scenario).events).toEqual(play(scenario).events)),
      { numRuns: Math.ceil(numRuns / 5) },
    )
  })
})
