import { createQuota, type Quota, type Ticket, type TrueLimit } from './quota.ts'

/** From a time on, in ms since the beginning of the world, a provider keeps other limits. */
export interface Change {
  readonly atMs: number
  readonly limits: readonly TrueLimit[]
}

/** A quota whose limits change in time. What was used before a change is forgiven; calls end where they began. */
export function changingQuota(
  limits: readonly TrueLimit[],
  changes: readonly Change[],
  start: number,
): Quota {
  const stages = [{ atMs: 0, limits }, ...changes].map(({ atMs, limits: own }) => ({
    at: start + atMs,
    quota: createQuota(own),
  }))
  const owner = new WeakMap<Ticket, Quota>()
  const quotaAt = (at: number) => stages.findLast((stage) => stage.at <= at)!.quota
  return {
    admit(call, at) {
      const quota = quotaAt(at)
      const admission = quota.admit(call, at)
      if (admission.kind === 'admitted') owner.set(admission.ticket, quota)
      return admission
    },
    countRefused: (at) => quotaAt(at).countRefused(at),
    produce: (ticket, tokens, at) => owner.get(ticket)!.produce(ticket, tokens, at),
    end: (ticket, at) => owner.get(ticket)!.end(ticket, at),
    reports: (at) => quotaAt(at).reports(at),
    get overruns() {
      return new Map(stages.flatMap(({ quota }) => [...quota.overruns]))
    },
    get active() {
      return stages.reduce((sum, { quota }) => sum + quota.active, 0)
    },
  }
}
