import type { Config } from '../../src/config/config.ts'
import type { Policy } from '../../src/core/dispatch-state.ts'
import type { Event, InputData } from '../../src/core/events.ts'
import { explain } from '../../src/replay/explain.ts'
import type { Explanation } from '../../src/replay/explanation.ts'
import type { Missing } from '../../src/replay/find-request.ts'
import { pastOf } from '../../src/replay/past-before.ts'
import { readerOf } from './events.ts'
import type { World } from './world.ts'

/** The first event of a process with this policy: of its configuration what a reader of the log needs. */
export function startedWith(policy: Policy): InputData['process.started'] {
  const { specs: llms, rules: models, weights, clientWeights, ...queue } = policy
  const clients = Object.entries(clientWeights).map(([name, weight]) => ({ name, weight }))
  const config = { llms, models, general: { weights }, queue, clients } as unknown as Config
  return { version: '1.2.3', runtime: 'node 1', seed: 1, config_hash: 'c0ffee0123456789', config }
}

/** Has a world begin as a process does. */
export function begin(world: World): World {
  world.balancer.ingest('process.started', startedWith(world.balancer.state.policy))
  return world
}

/** What is told of a request of this world, or of these events of it. */
export function toldOrMissing(id: string, events: readonly Event[]): Explanation | Missing {
  const log = readerOf(events)
  return explain(log, id, pastOf(log))
}

/** The same of one that has to be there. */
export function tell(id: string, events: readonly Event[]): Explanation {
  const told = toldOrMissing(id, events)
  if ('missing' in told) throw new Error(told.message)
  return told
}
