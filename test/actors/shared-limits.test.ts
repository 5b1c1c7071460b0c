import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fits } from '../../src/core/limits/account.ts'
import { ALIKE, costOn, isOpen, offersOf, scoreOf } from '../../src/core/matching/choose.ts'
import { used } from '../../src/core/limits/ledger.ts'
import { sizeOf } from '../../src/core/queue/queue.ts'
import { candidatesOf } from '../../src/core/matching/round.ts'
import type { Limit, LlmSpec } from '../../src/core/types.ts'
import { overrunsOf } from '../support/ground-truth.ts'
import { limit, llm } from '../support/llms.ts'
import { recover } from '../support/recovered.ts'
import { play, type Scenario, scenarios } from '../support/scenario.ts'
import { START } from '../support/virtual-clock.ts'
import { openWorld, type World } from '../support/world.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 100)

/** Two keys of one account, whose requests count together. */
const together = limit('requests', 2, 1000, 'account', { shared: 'account' })
const specs = [llm('A#1', { limits: [together] }), llm('A#2', { limits: [together] })]

describe('LLMs that share a limit', () => {
  test('use it up together, and are back at the same instant', () => {
    const world = openWorld({ specs })
    const [first, second] = [world.arrives({ model: 'A#1' }), world.arrives({ model: 'A#2' })]
    expect([world.llmOf(first), world.llmOf(second)]).toEqual(['A#1', 'A#2'])
    expect(specs.map(({ name }) => world.statusOf(name))).toEqual(['exhausted', 'exhausted'])
    const waiting = world.arrives({ model: 'A#1' })
    world.clock.runUntil(START + 1499)
    expect(world.llmOf(waiting)).toBeNull()
    world.clock.advance(1)
    expect(world.llmOf(waiting)).toBe('A#1')
  })

  test('wake for who waits though the other took a newcomer just when room came back', () => {
    const sum = limit('input_tokens', 53, 1, 'sum', { shared: 'sum' })
    const world = openWorld({
      specs: [llm('A', { limits: [sum, limit('output_tokens', 8, 1)] }), llm('B', { limits: [sum] })],
    })
    const ask = (model: string, input_tokens: number, output_tokens: number) =>
      world.arrives({ model, input_tokens, output_tokens })
    world.clock.setTimeout(() => ask('B', 1, 0), 501)
    world.finishes(ask('A', 51, 0), { input: 51, output: 0 })
    world.clock.advance(1)
    world.finishes(ask('A', 2, 1), { input: 2, output: 1 })
    const waiting = ask('A', 43, 8)
    world.clock.advance(501)
    expect(world.llmOf(waiting)).toBe('A')
  })

  test('wake when the other gives room back', () => {
    const calls = limit('concurrency', 1, 0, 'together', { shared: 'together' })
    const world = openWorld({ specs: ['A', 'B'].map((name) => llm(name, { limits: [calls] })) })
    const running = world.arrives({ model: 'A' })
    const waiting = world.arrives({ model: 'B' })
    expect(world.statusOf('B')).toBe('exhausted')
    world.finishes(running)
    expect(world.llmOf(waiting)).toBe('B')
    world.finishes(waiting)
    expect(specs.map((_, i) => world.balancer.views[i]!.status)).toEqual(['available', 'available'])
  })

  test('take in a small request when the other gives back too little for the large one they sleep for', () => {
    const tokens = limit('tokens', 100, 1000, 'together', { shared: 'together' })
    const world = openWorld({ specs: ['A', 'B'].map((name) => llm(name, { limits: [tokens] })) })
    const large = { output_tokens: 0, max_wait_ms: 0 }
    world.arrives({ model: 'A', input_tokens: 30, ...large })
    // It leaves at once, but B goes on sleeping until 80 would fit.
    world.arrives({ model: 'B', input_tokens: 80, ...large })
    const running = world.arrives({ model: 'A', input_tokens: 70, ...large })
    const small = world.arrives({ model: 'B', input_tokens: 20, output_tokens: 0 })
    expect(world.llmOf(small)).toBeNull()
    world.fails(running, 'bad_request')
    expect(world.llmOf(small)).toBe('B')
  })

  test('know what others used when one of them is told', () => {
    const world = openWorld({ specs })
    const report = { unit: 'requests' as const, per_ms: 1000, limit: 2, remaining: 0, reset_ms: 700 }
    world.finishes(world.arrives({ model: 'A#1' }), null, [report])
    expect(world.statusOf('A#2')).toBe('exhausted')
    world.clock.runUntil(START + 700)
    expect(world.statusOf('A#2')).toBe('available')
  })

  test('share it again after a restart', () => {
    const world = openWorld({ specs })
    world.finishes(world.arrives({ model: 'A#1' }))
    world.finishes(world.arrives({ model: 'A#2' }))
    const [one, two] = recover(world.events, specs, () => null, world.clock.now()).llms
    expect(one!.account.ledgers[0]).toBe(two!.account.ledgers[0])
    expect(used(one!.account.ledgers[0]!, START)).toBe(2)
  })
})

/** Every other scenario's LLMs share all limits of the same unit, which are made the same. */
function sharing({ specs: own, ...rest }: Scenario): Scenario {
  const first = new Map<string, Limit>()
  const shared = (one: Limit): Limit => {
    const same = first.get(one.unit) ?? { ...one, shared: `shared ${one.unit}` }
    first.set(one.unit, same)
    return same
  }
  return { ...rest, specs: own.map((spec): LlmSpec => ({ ...spec, limits: spec.limits.map(shared) })) }
}

describe('however calls come and go', () => {
  test('no limit that is shared is overrun, nothing is left over, and a restart knows the same', () => {
    const check = (scenario: Scenario) => {
      const { events, balancer, clock, fatal } = play(sharing(scenario))
      const ours = balancer.views.map(({ spec }) => spec)
      expect(fatal).toEqual([])
      expect(overrunsOf(events, ours)).toEqual([])
      expect([sizeOf(balancer.state.queue), balancer.state.running.size, clock.armed()]).toEqual([0, 0, 0])
      const { llms } = recover(events, ours, () => null, clock.now())
      for (const [i, { account }] of llms.entries()) {
        const live = balancer.views[i]!.account
        for (const [k, ledger] of account.ledgers.entries())
          expect(used(ledger, clock.now())).toBe(used(live.ledgers[k]!, clock.now()))
      }
    }
    fc.assert(fc.property(scenarios({ mostUsed: 1, reports: false }), check), { numRuns })
  })

  test('nobody waits while there is room for him, unless another LLM is better for him', () => {
    const check = (scenario: Scenario) => {
      let overlooked: { at: number; ids: string[] } = { at: 0, ids: [] }
      const look = ({ balancer: { state, views }, clock }: World) => {
        const at = clock.now()
        if (at > overlooked.at) expect(overlooked.ids).toEqual([])
        // Whoever fits now may still be served by a timer of this very ms, or is held back with his burst.
        const isHeld = state.gathering.until !== Number.POSITIVE_INFINITY
        const fitting = [...state.queue.byId.values()].filter((pending) => {
          const offers = offersOf(views, candidatesOf(pending, { views }), pending)
          const scores = offers.map((offer) => scoreOf(offer, pending, at, at))
          return offers.some(({ llm: i }, k) => {
            const view = views[i]!
            const isBest = scores.every((score) => score <= scores[k]! + ALIKE)
            return isBest && isOpen(view) && fits(view.account, costOn(view, pending), at)
          })
        })
        overlooked = { at, ids: isHeld ? [] : fitting.map(({ id }) => id) }
      }
      play(sharing(scenario), look)
    }
    fc.assert(fc.property(scenarios({ mostUsed: 1.8, reports: true }), check), { numRuns })
  })
})
