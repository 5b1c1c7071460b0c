import { createAccount } from '../../src/core/limits/account.ts'
import type { LlmView } from '../../src/core/matching/choose.ts'
import {
  createDispatcher,
  type Dispatcher,
  type LlmMessage,
  type Ports,
} from '../../src/core/dispatch-state.ts'
import { type Expected, enqueue, type Pending } from '../../src/core/queue/queue.ts'
import { createRound, type Round } from '../../src/core/matching/round.ts'
import type { LlmSpec } from '../../src/core/types.ts'
import { tellOfNewcomer } from '../../src/core/matching/wake.ts'
import { view } from './llms.ts'
import { START } from './virtual-clock.ts'
import { policyOf } from './world.ts'

let seq = 0

/** A request for a free LLM that came at the start, with 10 tokens in and 10 out, but for what is said. */
export function pending(rest: Partial<Pending> = {}): Pending {
  seq++
  return {
    id: `r${seq}`,
    seq,
    at: START,
    client: 'anybody',
    clientWeight: 1,
    priority: 'normal',
    deadline: START + 60_000,
    bodyBytes: 10,
    weights: { cost: 1, quality: 0, speed: 0 },
    inputTokens: 10,
    outputTokens: 10,
    modes: ['text'],
    choices: 1,
    tools: false,
    structured: false,
    auto: false,
    eligible: [0],
    waitingFor: null,
    attempts: 0,
    excluded: new Set(),
    place: null,
    ...rest,
  }
}

/** A dispatcher among LLMs that never change by themselves, with what it told them. */
export interface Stage {
  readonly state: Dispatcher
  readonly ports: Ports
  readonly told: { readonly llm: number; readonly message: LlmMessage }[]
  /** Lets requests wait, all expected to go to the same LLM, if any. */
  wait(requests: readonly Pending[], expected?: Expected | null): void
  /** One more comes to wait, and the LLMs are told of it. */
  newcomer(request: Pending): void
  round(at?: number): Round
}

export function stageOf(views: readonly LlmView[]): Stage {
  const state = createDispatcher(policyOf(views.map(({ spec }) => spec)))
  const told: Stage['told'] = []
  const ports: Ports = { views, tell: (llm, message) => void told.push({ llm, message }), decide() {} }
  return {
    state,
    ports,
    told,
    wait(requests, expected = null) {
      for (const request of requests) enqueue(state.queue, request, expected)
    },
    newcomer(request) {
      enqueue(state.queue, request, null)
      tellOfNewcomer(createRound(state, ports, START), request)
    },
    round: (at = START) => createRound(state, ports, at),
  }
}

/** An LLM with its account, of which so much is used already. */
export function usedView(spec: LlmSpec, book: (account: LlmView['account']) => void): LlmView {
  const account = createAccount(spec.limits)
  book(account)
  return view(spec, {}, account)
}
