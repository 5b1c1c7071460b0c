import { decidingOf } from '../../src/config/policy.ts'
import type { Policy } from '../../src/core/dispatch-state.ts'
import type { Event, InputData } from '../../src/core/events.ts'
import { explain } from '../../src/replay/explain/explain.ts'
import type { Explanation } from '../../src/replay/explain/explanation.ts'
import type { Missing } from '../../src/replay/explain/find-request.ts'
import { logOf } from './log-of.ts'
import type { World } from './world.ts'

/** The first event of a process with this policy: of its configuration the part on which decisions depend. */
export function startedWith(policy: Policy, at: number): InputData['process.started'] {
  return startedAs(decidingOf(policy), at)
}

/** The same with whatever stands for the configuration. */
export function startedAs(config: unknown, at: number | null = null): InputData['process.started'] {
  const identity = { version: '1.2.3', runtime: 'node 1', seed: 1, config_hash: 'c0ffee0123456789' }
  return { ...identity, config, recovered_at: at, disabled: [] }
}

/** Has a world begin as a process does. */
export function begin(world: World): World {
  world.balancer.ingest('process.started', startedWith(world.balancer.state.policy, world.clock.now()))
  return world
}

/** What is told of a request of this world, or of these events of it. */
export function toldOrMissing(id: string, events: readonly Event[]): Explanation | Missing {
  return explain(logOf(events), id)
}

/** The same of one that has to be there. */
export function tell(id: string, events: readonly Event[]): Explanation {
  const told = toldOrMissing(id, events)
  if ('missing' in told) throw new Error(told.message)
  return told
}
