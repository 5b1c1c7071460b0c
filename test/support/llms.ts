import { type Account, createAccount, createAccounts } from '../../src/core/limits/account.ts'
import { LEAST_WANTED, type LlmView } from '../../src/core/matching/choose.ts'
import type { InputData } from '../../src/core/events.ts'
import { createLlm, type Llm } from '../../src/core/llm.ts'
import { initialSkill } from '../../src/core/needs/skill.ts'
import { GUARD_MS, type Limit, type LlmSpec, type Unit } from '../../src/core/types.ts'

/** A sliding limit whose charge rule is unknown, named by its unit unless told otherwise. */
export function limit(
  unit: Unit,
  amount: number,
  perMs = 60_000,
  name = `${unit}_limit`,
  rest: Partial<Limit> = {},
): Limit {
  return {
    name,
    unit,
    amount,
    perMs: unit === 'concurrency' ? 0 : perMs,
    window: 'sliding',
    timeZone: null,
    phaseMs: null,
    burst: null,
    charge: 'unknown',
    shared: null,
    guardMs: GUARD_MS,
    ...rest,
  }
}

/** An LLM that is free, of middling quality and without limits, but for what is said. */
export function llm(name: string, rest: Partial<LlmSpec> = {}): LlmSpec {
  return {
    name,
    group: name,
    apiType: 'openai',
    model: `model-of-${name}`,
    baseUrl: 'http://127.0.0.1:1/v1',
    keyName: null,
    contextLength: 100_000,
    modes: ['text'],
    limits: [],
    strict: false,
    inputPicoUsd: 0,
    outputPicoUsd: 0,
    quality: 500,
    firstByteTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    simulated: null,
    ...rest,
  }
}

/** The state machine's start for a spec. */
export function startOf(spec: LlmSpec, at: number, disabled: string | null = null): Llm {
  return createLlm(spec, createAccount(spec.limits), null, disabled, at)
}

/** The same for LLMs side by side, which may share limits; `disabled` says of some, by name, why they are. */
export function startsOf(
  specs: readonly LlmSpec[],
  at: number,
  disabled: Readonly<Record<string, string>> = {},
): Llm[] {
  const accounts = createAccounts(specs)
  return specs.map((spec, i) => createLlm(spec, accounts[i]!, null, disabled[spec.name] ?? null, at))
}

/** An LLM as the dispatcher sees it: available, exact and as fast as is assumed at first. */
export function view(spec: LlmSpec, rest: Partial<LlmView> = {}, account?: Account): LlmView {
  return {
    spec,
    account: account ?? createAccount(spec.limits),
    status: 'available',
    because: null,
    reachable: true,
    wakeAt: Number.POSITIVE_INFINITY,
    wanted: LEAST_WANTED,
    skill: initialSkill(spec),
    ...rest,
  }
}

/** The fact that a request for `auto` arrived, with 10 tokens in and 10 out, but for what is said. */
export function arrival(rest: Partial<InputData['request.received']> = {}): InputData['request.received'] {
  return {
    client: 'anybody',
    endpoint: 'chat',
    model: 'auto',
    modes: ['text'],
    tools: false,
    structured: false,
    stream: false,
    body_bytes: 100,
    input_tokens: 10,
    output_tokens: 10,
    choices: 1,
    priority: 'normal',
    max_wait_ms: 60_000,
    weights: null,
    min_quality: null,
    max_cost_nano_usd: null,
    ...rest,
  }
}
