import type { Bounds } from './needs/bounds.ts'

/** What can be asked of an LLM and what it can take in. */
export const MODES = ['text', 'vision', 'audio', 'video', 'other'] as const
export type Mode = (typeof MODES)[number]

export const API_TYPES = ['openai', 'groq', 'google', 'ollama', 'simulated'] as const
export type ApiType = (typeof API_TYPES)[number]

/** What a limit counts. `concurrency` counts calls under way and has no period. */
export const UNITS = ['requests', 'tokens', 'input_tokens', 'output_tokens', 'concurrency'] as const
export type Unit = (typeof UNITS)[number]

/** How a provider counts; each is explained where it is defined, in `limits/windows/`. */
export const WINDOW_KINDS = ['sliding', 'fixed', 'bucket', 'calendar', 'universal'] as const
export type WindowKind = (typeof WINDOW_KINDS)[number]

/** When a provider books what a call costs, and how much of it; explained in `limits/charge.ts`. */
export const CHARGE_RULES = [
  'reserve_no_refund',
  'reserve_trueup',
  'actual_at_end',
  'actual_as_produced',
  'input_uncached_only',
  'unknown',
] as const
export type ChargeRule = (typeof CHARGE_RULES)[number]

export const PRIORITIES = ['high', 'normal', 'low'] as const
export type Priority = (typeof PRIORITIES)[number]

/** One limit of one LLM: at most `amount` units in every window of `perMs` milliseconds. */
export interface Limit {
  /** Unique within its LLM, shown to people: `requests_per_min`, `tokens_per_day`, `concurrency`. */
  readonly name: string
  readonly unit: Unit
  /** Integer of at least 1. */
  readonly amount: number
  /** Length of the window in ms; 0 for `concurrency`. */
  readonly perMs: number
  readonly window: WindowKind
  /** IANA zone, for `calendar` windows. */
  readonly timeZone: string | null
  /** When a `fixed` window began, in ms since 1970, modulo `perMs`; null where that is not known. */
  readonly phaseMs: number | null
  /** What a `bucket` holds when full; null means `amount`. */
  readonly burst: number | null
  readonly charge: ChargeRule
  /** All limits of this name are one: their LLMs share a ledger. Null for a limit of one LLM and key. */
  readonly shared: string | null
  /**
   * How much longer one call may take to reach the provider than another, in ms, and how far its clock may be off:
   * two calls can stand closer together there than here by this much.
   */
  readonly guardMs: number
  /** The share that requests of each priority may fill, in thousandths, the highest first; all of it where left out. */
  readonly ceilings?: readonly number[]
  /** Whether nobody said what kind of window it is, so that headers may show it. */
  readonly assumed?: boolean
  /** Whether it is spread over the day; left out, a large one of a day or longer is. */
  readonly pace?: boolean
}

/** `guardMs` where nothing else is said. */
export const GUARD_MS = 500

/** The most that can be taken from a limit at once. */
export function capacityOf({ amount, burst }: Pick<Limit, 'amount' | 'burst'>): number {
  return burst ?? amount
}

/** How much each part of a score counts; each at least 0, not all 0. */
export interface Weights {
  readonly cost: number
  readonly quality: number
  readonly speed: number
}

/** Settings of an LLM of api_type `simulated`. */
export interface SimulatedSpec {
  readonly tokensPerSecond: number
  readonly latencyMs: number
  readonly outputTokens: number
  readonly seed: number
  /** Share of calls, 0 to 1, that answer with each fault. */
  readonly faults: {
    readonly error500: number
    readonly error429: number
    readonly hang: number
  }
}

/**
 * One LLM as the balancer uses it: one account or key of one model at one provider.
 * An LLM with several keys in the configuration becomes several of these, named `name#1`, `name#2`, ...
 */
export interface LlmSpec {
  readonly name: string
  /** The name in the configuration; equal to `name` unless the LLM has several keys. */
  readonly group: string
  readonly apiType: ApiType
  /** The provider's own id of the model. */
  readonly model: string
  readonly baseUrl: string
  /** Environment variable that holds the key; null when none is needed. */
  readonly keyName: string | null
  readonly contextLength: number
  readonly modes: readonly Mode[]
  readonly limits: readonly Limit[]
  /** Whether the longest possible answer is set aside, never the likely one. */
  readonly strict: boolean
  /** Integer pico-USD per token, which is micro-USD per million tokens. */
  readonly inputPicoUsd: number
  readonly outputPicoUsd: number
  /** 0 to 1000. */
  readonly quality: number
  /** Longest silence before the first byte of an answer, in ms. */
  readonly firstByteTimeoutMs: number
  /** Longest silence between two bytes of an answer, in ms. */
  readonly idleTimeoutMs: number
  readonly simulated: SimulatedSpec | null
}

/** A rule under `models:`: requests whose `model` matches go to these LLMs, with these weights. */
export interface ModelRule {
  /** A name, or a pattern with `*`. */
  readonly pattern: string
  /** Names of LLMs in the configuration; null means all. */
  readonly llms: readonly string[] | null
  readonly weights: Weights | null
  /** What its LLMs have to be worth and may cost; nothing is asked where it is left out. */
  readonly bounds?: Bounds
}

export interface ClientSpec {
  readonly name: string
  /** Environment variable that holds the client's key. */
  readonly keyName: string
  readonly weight: number
  readonly priority: Priority
}
