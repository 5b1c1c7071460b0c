import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkpointOf, restore } from '../../src/core/checkpoint.ts'
import { createFold, foldInto } from '../../src/core/fold.ts'
import { drawSwarm } from '../../src/sim/swarm.ts'
import { runTrial } from '../../src/sim/trial.ts'
import { watchFolds } from '../support/folding.ts'
import { limit } from '../support/llms.ts'
import { play, type Scenario, scenarios } from '../support/scenario.ts'

const seeds = Number(process.env.LLB_TEST_RUNS ?? 300)

/** What the checkpoints must have held, or they prove less than they seem to. */
const SOMETIMES: Readonly<Record<string, RegExp>> = {
  'a call under way': /"attempt":\{/,
  'a request that waits': /"attempt":null/,
  'an LLM that cools': /"status":"cooling"/,
  'an LLM that is disabled': /"status":"disabled"/,
  'an LLM that is exhausted': /"status":"exhausted"/,
  'what others use': /"foreign":/,
  'a bucket': /"leak":/,
  'a limit that was lowered': /"lowered":\[\d/,
  'a limit kept as a kind that was learned': /"keptAs":\{/,
  'a window beside a declared one': /"hidden":/,
  'a clock that was set': /"hasJumped":true/,
}

test(`in ${seeds} worlds the live state is the fold of the events at every position, also from a checkpoint on`, {
  timeout: 600_000,
}, () => {
  const missing = new Set(Object.keys(SOMETIMES))
  for (let seed = 1; seed <= seeds; seed++) {
    const swarm = drawSwarm(seed)
    const { create, looks } = watchFolds(swarm.policy.specs, seed, 12)
    runTrial(swarm, create)
    for (const { seq, live, folded, resumed } of looks) {
      expect(folded, `seed ${seed}, event ${seq}`).toEqual(live)
      expect(resumed, `seed ${seed}, event ${seq}, from a checkpoint`).toEqual(live)
      const text = JSON.stringify(live)
      for (const name of missing) if (SOMETIMES[name]!.test(text)) missing.delete(name)
    }
  }
  expect([...missing]).toEqual([])
})

test('the fold follows every step of LLMs that share a limit', () => {
  const shared = limit('requests', 12, 1000, 'of_the_account', { shared: 'account' })
  const check = (scenario: Scenario) => {
    const specs = scenario.specs.map((spec) => ({ ...spec, limits: [...spec.limits, shared] }))
    const fold = createFold(specs)
    let folded = 0
    play({ ...scenario, specs }, ({ balancer, clock, events }) => {
      for (; folded < events.length; folded++) foldInto(fold, events[folded]!)
      const found = checkpointOf(balancer.folded(), clock.now())
      expect(checkpointOf(fold, clock.now())).toEqual(found)
      expect(checkpointOf(restore(found, specs), clock.now())).toEqual(found)
    })
  }
  fc.assert(fc.property(scenarios({ mostUsed: 1.8, reports: true }), check), {
    numRuns: Math.ceil(seeds / 10),
  })
})
