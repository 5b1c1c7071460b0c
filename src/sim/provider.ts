import type { Random } from '../core/random.ts'
import { type Change, changingQuota } from './changing-quota.ts'
import type { VirtualClock } from './clock.ts'
import type { Spread } from './draw.ts'
import type { FaultPeriod, Hint } from './faults.ts'
import { createSpeaker, type HeaderSpec, type Speaker } from './headers.ts'
import { type Answer, type Outgoing, send } from './provider-call.ts'
import { createQuota, type Quota, type TrueLimit } from './quota.ts'
import { type CatchUp, createTenant, type Tenant } from './tenant.ts'

/** The truth about one LLM: what its provider enforces, how fast it is and what goes wrong there. */
export interface ProviderSpec extends HeaderSpec {
  /** Name of the LLM. */
  readonly llm: string
  readonly limits: readonly TrueLimit[]
  /** Other limits from a time on, in order; none where nothing is said. */
  readonly changes?: readonly Change[]
  /** Time to the head of an answer, in ms. */
  readonly latencyMs: Spread
  readonly tokensPerSecond: number
  /** Travel time in each direction: at least `leastMs`, up to `jitterMs` more. */
  readonly network: { readonly leastMs: number; readonly jitterMs: number }
  readonly hint: Hint
  /** Whether a refused call counts against the limits of requests. */
  readonly countsRefused: boolean
  readonly reportsUsage: boolean
  /** Tokens that it counts for 1000 of the estimate, and on top of every request. */
  readonly countPermille: number
  readonly overheadTokens: number
  readonly tenant: Tenant | null
  readonly faults: readonly FaultPeriod[]
}

/** A provider as its calls reach it. */
export interface Site {
  readonly spec: ProviderSpec
  readonly clock: VirtualClock
  readonly random: Random
  readonly quota: Quota
  /** Beginning of the world, ms since 1970. */
  readonly start: number
  /** Times each limit refused a call, by its name. */
  readonly refusals: Map<string, number>
  readonly catchUp: CatchUp | null
  speaker: Speaker
  periods: readonly FaultPeriod[]
}

export interface Provider {
  readonly spec: ProviderSpec
  readonly quota: Quota
  readonly refusals: ReadonlyMap<string, number>
  /** Sends a call; `hear` is told what comes back. The function returned hangs up. */
  send(call: Outgoing, hear: (answer: Answer) => void): () => void
  /** Ends the faults, and makes headers honest that were wrong. */
  heal(): void
}

export function createProvider(spec: ProviderSpec, clock: VirtualClock, random: Random): Provider {
  const start = clock.now()
  const { changes = [] } = spec
  const quota = changes.length === 0 ? createQuota(spec.limits) : changingQuota(spec.limits, changes, start)
  const site: Site = {
    spec,
    clock,
    random,
    quota,
    start,
    refusals: new Map(),
    catchUp: spec.tenant && createTenant(spec.tenant, quota, start),
    speaker: createSpeaker(spec),
    periods: spec.faults,
  }
  return {
    spec,
    quota,
    refusals: site.refusals,
    send: (call, hear) => send(site, call, hear),
    heal() {
      site.periods = []
      if (spec.headers.kind === 'missing') return
      site.speaker = createSpeaker({ headers: { kind: 'honest' }, periods: spec.periods })
    },
  }
}
