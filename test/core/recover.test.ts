import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextAdmissible, used } from '../../src/core/limits/ledger.ts'
import { CHARGE_RULES, type Limit } from '../../src/core/types.ts'
import { limit, llm } from '../support/llms.ts'
import { recover } from '../support/recovered.ts'
import { play, type Scenario, scenarios } from '../support/scenario.ts'
import { START } from '../support/virtual-clock.ts'
import { openWorld, type World } from '../support/world.ts'

const numRuns = Number(process.env.LLB_TEST_RUNS ?? 100)
const enabled = () => null

/** A process that starts over with the log of this world, at once. */
const restarted = ({ events, balancer, clock }: World, disabled: () => string | null = enabled) =>
  recover(
    events,
    balancer.views.map(({ spec }) => spec),
    disabled,
    clock.now(),
  )

const KINDS: readonly Partial<Limit>[] = [
  { window: 'sliding' },
  { window: 'fixed', phaseMs: 0 },
  { window: 'bucket' },
  { window: 'universal' },
  { window: 'calendar', timeZone: 'UTC', perMs: 86_400_000 },
]

/** The scenario with a window and a charge rule of its own for each limit. */
function varied(scenario: Scenario, turn: number): Scenario {
  let i = turn
  const kindOf = (one: Limit): Limit => {
    i++
    const charge = CHARGE_RULES[i % CHARGE_RULES.length]!
    return one.unit === 'concurrency' ? one : { ...one, ...KINDS[i % KINDS.length], charge }
  }
  const specs = scenario.specs.map((spec) => ({ ...spec, limits: spec.limits.map(kindOf) }))
  return { ...scenario, specs }
}

test('the events of a run, folded, give the same ledgers and skills as the live ones', () => {
  const check = (world: World) => {
    const { llms, unfinished } = restarted(world)
    expect(unfinished).toEqual([])
    for (const [i, { account, skill }] of llms.entries()) {
      const live = world.balancer.views[i]!
      expect(skill).toEqual(live.skill)
      for (const [k, ledger] of account.ledgers.entries()) {
        const other = live.account.ledgers[k]!
        // From here on: the live ledger has forgotten what has expired.
        const now = world.clock.now()
        expect(used(ledger, now)).toBe(used(other, now))
        expect(nextAdmissible(ledger, 1, now)).toBe(nextAdmissible(other, 1, now))
      }
    }
  }
  const runs = fc
    .tuple(scenarios({ mostUsed: 1.8, reports: true }), fc.nat())
    .map(([scenario, turn]) => play(varied(scenario, turn)))
  fc.assert(
    fc.property(runs, (world) => void check(world)),
    { numRuns },
  )
})

describe('after a process that ended without a word', () => {
  const specs = [llm('A', { limits: [limit('tokens', 100, 1000), limit('requests', 5, 1000)] })]

  test('the request that ran and the one that waited are found', () => {
    const world = openWorld({ specs })
    const running = world.arrives({ input_tokens: 70, output_tokens: 20 })
    world.clock.advance(100)
    const waiting = world.arrives({ input_tokens: 70, output_tokens: 20 })
    world.clock.advance(50)
    expect(restarted(world).unfinished).toEqual([
      { request: running, attempts: 1, waitMs: 0 },
      { request: waiting, attempts: 0, waitMs: 50 },
    ])
  })

  test('what was under way is charged in full, as of now', () => {
    const world = openWorld({ specs })
    world.arrives({ input_tokens: 70, output_tokens: 20 })
    world.clock.advance(400)
    const [tokens, requests] = restarted(world).llms[0]!.account.ledgers
    expect(used(tokens!, START + 400)).toBe(90)
    expect(nextAdmissible(tokens!, 50, START + 400)).toBe(START + 400 + 1500)
    expect(nextAdmissible(requests!, 5, START + 400)).toBe(START + 1500)
    expect(tokens!.held.size).toBe(0)
  })

  test('what was told of others who use the same quota is not forgotten', () => {
    const world = openWorld({ specs })
    const request = world.arrives({ input_tokens: 10, output_tokens: 0 })
    const report = { unit: 'tokens' as const, per_ms: 1000, limit: 100, remaining: 30, reset_ms: 800 }
    world.finishes(request, { input: 10, output: 0 }, [report])
    const [tokens] = restarted(world).llms[0]!.account.ledgers
    expect(used(tokens!, START)).toBe(70)
    expect(used(tokens!, START + 800)).toBe(10)
  })

  test('the place of a call that was cut off, for as long as its provider may count it', () => {
    const calls = [limit('concurrency', 2)]
    const comesBackAfter = (ends: (world: World, request: string) => void) => {
      const world = openWorld({ specs: [llm('A', { limits: calls })] })
      const [first, second] = [world.arrives(), world.arrives()]
      world.finishes(second)
      world.clock.advance(100)
      ends(world, first)
      world.clock.advance(100)
      const [ledger] = restarted(world).llms[0]!.account.ledgers
      return nextAdmissible(ledger!, 2, world.clock.now()) - world.clock.now()
    }
    expect(comesBackAfter((world, request) => world.leaves(request))).toBe(400)
    expect(comesBackAfter((world, request) => world.fails(request, 'timeout'))).toBe(400)
    expect(comesBackAfter((world, request) => world.fails(request, 'interrupted'))).toBe(400)
    expect(comesBackAfter((world, request) => world.fails(request, 'server_error'))).toBe(0)
    expect(comesBackAfter((world, request) => world.finishes(request))).toBe(0)
    // What was under way when the process ended was cut off by that.
    expect(comesBackAfter(() => {})).toBe(500)
  })

  test('an LLM that is gone from the configuration is passed over', () => {
    const world = openWorld({ specs })
    world.arrives()
    expect(recover(world.events, [llm('B')], enabled, START).llms.map(({ spec }) => spec.name)).toEqual(['B'])
  })

  test('an LLM without its key starts disabled, and the log says why', () => {
    const world = openWorld({ specs })
    const [start] = restarted(world, () => 'A_KEY is not set').llms
    expect(start).toMatchObject({ status: 'disabled', because: 'A_KEY is not set' })
  })
})
