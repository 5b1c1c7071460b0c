import type { CallTokens, Quota } from './quota.ts'

/** Somebody else who uses the same quota: a call of the same size at every beat while it is on. */
export interface Tenant {
  readonly everyMs: number
  readonly tokens: number
  /** On and off in turn, beginning with on; `offMs` 0 is always on. */
  readonly onMs: number
  readonly offMs: number
  /** After this time since the beginning of the world it is gone. */
  readonly untilMs: number
}

export type CatchUp = (at: number) => void

/**
 * Makes the tenant's calls up to `at`, each at its own instant, and takes no notice of refusals. It is called before
 * the quota is used, so that the tenant needs no timers.
 */
export function createTenant(tenant: Tenant, quota: Quota, start: number): CatchUp {
  const { everyMs, tokens, onMs, offMs, untilMs } = tenant
  const call: CallTokens = { input: tokens, cached: 0, bound: 0, output: 0 }
  let nextMs = 0
  return (at) => {
    const end = Math.min(at - start, untilMs)
    for (; nextMs <= end; nextMs += everyMs) {
      if (offMs > 0 && nextMs % (onMs + offMs) >= onMs) continue
      const admission = quota.admit(call, start + nextMs)
      if (admission.kind === 'admitted') quota.end(admission.ticket, start + nextMs)
    }
  }
}
