import type { Policy } from '../../src/core/dispatch-state.ts'
import type { LlmSpec } from '../../src/core/types.ts'
import type { Source } from '../../src/sim/arrivals.ts'
import { always } from '../../src/sim/draw.ts'
import type { ProviderSpec } from '../../src/sim/provider.ts'
import type { TrueLimit } from '../../src/sim/quota.ts'
import { declared, isPromised } from '../../src/sim/truth.ts'
import { llm } from '../support/llms.ts'
import { policyOf } from '../support/world.ts'

/** A limit that its provider keeps as a sliding window and puts right at the end, unless told otherwise. */
export function truth(rest: Partial<TrueLimit> = {}): TrueLimit {
  const limit = {
    name: `${rest.unit ?? 'requests'}_limit`,
    unit: 'requests' as const,
    amount: 2,
    perMs: 1000,
    counting: { kind: 'sliding' as const },
    charge: 'reserve_trueup' as const,
    ...rest,
  }
  return { ...limit, promised: rest.promised ?? isPromised(limit) }
}

/** A provider that is honest, answers after 100 ms with 100 tokens a second, and is 10 ms away. */
export function provider(llmName: string, rest: Partial<ProviderSpec> = {}): ProviderSpec {
  return {
    llm: llmName,
    limits: [],
    latencyMs: always(100),
    tokensPerSecond: 100,
    network: { leastMs: 10, jitterMs: 0 },
    headers: { kind: 'missing' },
    periods: true,
    hint: 'seconds',
    countsRefused: false,
    reportsUsage: true,
    countPermille: 1000,
    overheadTokens: 0,
    tenant: null,
    faults: [],
    ...rest,
  }
}

/** Requests for anything, of 10 tokens and as many back, that wait for a minute. */
export function source(rest: Partial<Source> = {}): Source {
  return {
    pattern: { kind: 'burst', requests: 3, atMs: 0, everyMs: null },
    client: 'anybody',
    model: 'auto',
    priority: 'normal',
    stream: false,
    maxWaitMs: 60_000,
    inputTokens: always(10),
    answerTokens: always(10),
    bound: 'exact',
    cachedPermille: 0,
    leaving: null,
    ...rest,
  }
}

/** The LLM that a provider is the truth of, declared as it is. */
export function specOf({ llm: name, limits }: ProviderSpec, rest: Partial<LlmSpec> = {}): LlmSpec {
  return llm(name, { limits: limits.map(declared), ...rest })
}

export function policyFor(providers: readonly ProviderSpec[], rest: Partial<Policy> = {}): Policy {
  return policyOf(
    providers.map((one) => specOf(one)),
    rest,
  )
}
