import type { Policy } from '../core/dispatch-state.ts'
import type { ClientSpec } from '../core/types.ts'
import type { Config } from './config.ts'

/** The part of a configuration on which decisions depend. */
export interface Deciding {
  readonly llms: Config['llms']
  readonly models: Config['models']
  readonly general: Pick<Config['general'], 'weights'>
  readonly queue: Omit<Config['queue'], 'maxWaitMs' | 'heartbeatMs'>
  readonly clients: readonly Pick<ClientSpec, 'name' | 'weight'>[]
}

/** What the dispatcher has to know of a configuration. */
export function policyOf({ llms, models, general, queue, clients }: Deciding): Policy {
  return {
    specs: llms,
    rules: models,
    weights: general.weights,
    maxRequests: queue.maxRequests,
    maxBytes: queue.maxBytes,
    maxRequestsPerClient: queue.maxRequestsPerClient,
    maxBytesPerClient: queue.maxBytesPerClient,
    maxAttempts: queue.maxAttempts,
    earlyRefusal: queue.earlyRefusal,
    clientWeights: Object.fromEntries(clients.map(({ name, weight }) => [name, weight])),
  }
}

/** The part of a configuration that gives this policy: the inverse of {@link policyOf}. */
export function decidingOf(policy: Policy): Deciding {
  const { specs, rules, weights, clientWeights, ...queue } = policy
  return {
    llms: specs,
    models: rules,
    general: { weights },
    queue,
    clients: Object.entries(clientWeights).map(([name, weight]) => ({ name, weight })),
  }
}
