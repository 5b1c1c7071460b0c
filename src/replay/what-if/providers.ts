import type { Event, Failure } from '../../core/events.ts'
import { createRandom } from '../../core/random.ts'
import type { LlmSpec } from '../../core/types.ts'
import { rateLimited, tooLarge } from '../../sim/faults.ts'
import { type CallTokens, createQuota, type Quota, type Ticket } from '../../sim/quota.ts'
import { truthOf } from '../../sim/truth.ts'
import type { RecordedRequest } from './recorded.ts'

/** Providers that enforce what is declared of them, by the calls that they are told of. */
export interface Providers {
  /** A call begins; what its provider refuses it for, or null. */
  admit(key: string, llm: string, tokens: CallTokens, at: number): Failure | null
  /** A call is over, having produced so many tokens. */
  end(key: string, outputTokens: number, at: number): void
  endAll(at: number): void
}

/** By these rules a provider books the longest answer that the client allows; where no rule is declared, the answer. */
const BY_BOUND: ReadonlySet<string> = new Set(['reserve_no_refund', 'reserve_trueup', 'input_uncached_only'])

interface Provider {
  readonly quota: Quota
  readonly booksBound: boolean
}

interface Call {
  readonly quota: Quota
  readonly ticket: Ticket
}

/** A limit that several LLMs share is enforced for each of them alone. */
export function createProviders(specs: readonly LlmSpec[]): Providers {
  const providers = new Map(
    specs.map(({ name, limits }): [string, Provider] => {
      const random = createRandom(0, `truth of ${name}`)
      const quota = createQuota(limits.map((limit) => truthOf(limit, random)))
      return [name, { quota, booksBound: limits.some(({ charge }) => BY_BOUND.has(charge)) }]
    }),
  )
  const calls = new Map<string, Call>()
  const end = (key: string, outputTokens: number, at: number) => {
    const call = calls.get(key)
    if (call === undefined) return
    calls.delete(key)
    call.quota.produce(call.ticket, outputTokens, at)
    call.quota.end(call.ticket, at)
  }
  return {
    admit(key, llm, tokens, at) {
      const provider = providers.get(llm)
      if (provider === undefined) return null
      const { quota, booksBound } = provider
      const admission = quota.admit(booksBound ? tokens : { ...tokens, bound: null }, at)
      if (admission.kind === 'admitted') {
        calls.set(key, { quota, ticket: admission.ticket })
        return null
      }
      const { kind, limit } = admission
      return kind === 'too_large'
        ? tooLarge(limit, at)
        : rateLimited(limit, admission.fitsAt - at, 'seconds', at)
    },
    end,
    endAll(at) {
      for (const key of calls.keys()) end(key, 0, at)
    },
  }
}

/** What a request takes of a provider whose answer is not known yet. */
export function tokensOf({ inputTokens, boundTokens, answerTokens }: RecordedRequest): CallTokens {
  return { input: inputTokens, cached: 0, bound: boundTokens, output: answerTokens ?? 0 }
}

/** Tells providers of a call that was made before, whatever they say to it. `boundTokens` is of its request. */
export function bookPast(providers: Providers, boundTokens: number | null, event: Event): void {
  const { request, llm, at } = event
  if (event.type === 'request.dispatched') {
    const { input_tokens: input, output_tokens: output } = event.data.reserved
    providers.admit(request!, llm!, { input, cached: 0, bound: boundTokens, output }, at)
  } else if (event.type === 'attempt.finished')
    providers.end(request!, event.data.usage?.output_tokens ?? 0, at)
  else if (event.type === 'attempt.failed' || event.type === 'request.abandoned')
    providers.end(request!, 0, at)
}
