import { WHOLE } from '../core/limits/ceilings.ts'
import { type Limit, PRIORITIES } from '../core/types.ts'
import type { RawConfig } from './schema.ts'

/** A limit with what `queue` says is kept back of it from lower priorities. */
export function withHolds(limit: Limit, { ceilings, pacing }: RawConfig['queue']): Limit {
  const shares = PRIORITIES.map((priority) => Math.round(ceilings[priority] * WHOLE))
  return {
    ...limit,
    ...(shares.some((share) => share < WHOLE) && { ceilings: shares }),
    ...(pacing === 'off' && { pace: limit.pace ?? false }),
  }
}
