import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBalancer } from '../../src/actors/balancer.ts'
import type { Event } from '../../src/core/events.ts'
import { createReplayClock } from '../../src/replay/verify/clock.ts'
import { startOf } from '../support/llms.ts'
import { play, type Scenario, scenarios } from '../support/scenario.ts'
import { START } from '../support/virtual-clock.ts'
import { isDecision, policyOf } from '../support/world.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 100)

/** Feeds the facts of a log to a fresh balancer, timers by their ordinals, and returns what it records. */
function replayed({ specs, policy }: Scenario, recorded: readonly Event[]): Event[] {
  const clock = createReplayClock(START)
  const events: Event[] = []
  const balancer = createBalancer(
    {
      policy: policyOf(specs, policy),
      llms: specs.map((spec) => startOf(spec, START)),
      clock,
      lastSeq: 0,
      record: (event) => void events.push(event),
      fatal(message) {
        throw new Error(message)
      },
    },
    'test_',
  )
  for (const event of recorded) {
    if (isDecision(event)) continue
    clock.set(event.at)
    if (event.type === 'timer.fired') {
      expect(clock.dueAt(event.data.timer)).toBeLessThanOrEqual(event.at)
      clock.fire(event.data.timer)
    } else balancer.ingest(event.type, event.data, event.request, event.llm)
  }
  return events
}

test('the facts of a run, fed to a fresh balancer, lead to the same decisions in the same order', () => {
  const check = (scenario: Scenario) => {
    const { events } = play(scenario)
    expect(replayed(scenario, events)).toEqual(events)
  }
  fc.assert(fc.property(scenarios({ mostUsed: 1.8, reports: true }), check), { numRuns })
})

test('a log survives its way through JSON without a change to any decision', () => {
  const check = (scenario: Scenario) => {
    const { events } = play(scenario)
    expect(replayed(scenario, JSON.parse(JSON.stringify(events)))).toEqual(events)
  }
  fc.assert(fc.property(scenarios({ mostUsed: 1, reports: true }), check), {
    numRuns: Math.ceil(numRuns / 5),
  })
})
