import type { Highs } from 'highs'
import type { CreatePolicy } from '../simulator.ts'
import { lateCosine } from './cosine.ts'
import { earlyCheapest, earlyLeastWait, earlyPowerOfTwo, earlyRandom, earlyRoundRobin } from './early.ts'
import { fluidSolver } from './fluid.ts'
import { lpSolver } from './lp.ts'
import { planned } from './planned.ts'

/** What the balancer is compared with when only time matters. */
export function speedPolicies(highs: Highs): Readonly<Record<string, CreatePolicy>> {
  return {
    'early, round-robin': earlyRoundRobin,
    'early, random': earlyRandom,
    'early, two choices': earlyPowerOfTwo,
    'early, least wait': earlyLeastWait,
    'late, best shape': lateCosine,
    'late, LP plan': planned(lpSolver(highs)),
    'late, fluid plan': planned(fluidSolver),
  }
}

/** What the balancer is compared with when only cost matters. */
export const COST_POLICIES: Readonly<Record<string, CreatePolicy>> = {
  'early, cheapest': earlyCheapest,
  'late, fluid plan': planned(fluidSolver, { cost: 1, quality: 0, speed: 0 }),
}

/** What the balancer is compared with when only quality matters. */
export const QUALITY_POLICIES: Readonly<Record<string, CreatePolicy>> = {
  'late, fluid plan': planned(fluidSolver, { cost: 0, quality: 1, speed: 0 }),
}
