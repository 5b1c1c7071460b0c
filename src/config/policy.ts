import type { Policy } from '../core/dispatch-state.ts'
import type { Config } from './config.ts'

/** What the dispatcher has to know of a configuration. */
export function policyOf({ llms, models, general, queue, clients }: Config): Policy {
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
