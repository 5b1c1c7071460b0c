import type { EarlyRefusal } from '../core/forecast/early-refusal.ts'
import type { ClientSpec, LlmSpec, ModelRule, Weights } from '../core/types.ts'

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** A configuration in full form: every default filled in, every short key expanded. It is plain JSON. */
export interface Config {
  readonly general: {
    readonly listenAddress: string
    /** Whether the address was written in the file; only then may it reach beyond loopback. */
    readonly listenAddressGiven: boolean
    /** 0 means any free port. */
    readonly listenPort: number
    readonly logLevel: LogLevel
    readonly weights: Weights
    /** Largest request body accepted. */
    readonly maxBodyBytes: number
    /** Environment variable that holds the operator's key; null where loopback alone is let in. */
    readonly adminKeyName: string | null
    /** How long requests may go on after the signal to stop. */
    readonly drainMs: number
  }
  readonly queue: {
    readonly maxRequests: number
    readonly maxBytes: number
    readonly maxRequestsPerClient: number
    readonly maxBytesPerClient: number
    readonly maxWaitMs: number
    /** When a waiting stream gets its first heartbeat, and the time between two of them. */
    readonly heartbeatMs: number
    readonly maxAttempts: number
    readonly earlyRefusal: EarlyRefusal
  }
  readonly eventLog: {
    /** Absolute. */
    readonly path: string
    readonly retentionMs: number
    /** The most that events and checkpoints take up, as far as the limits can do without the rest. */
    readonly maxBytes: number
    readonly bodies: boolean
  }
  readonly clients: readonly ClientSpec[]
  readonly models: readonly ModelRule[]
  /** Every LLM that is not switched off, one for each of its keys. */
  readonly llms: readonly LlmSpec[]
  /** Names of the LLMs with `enabled: false`. */
  readonly switchedOff: readonly string[]
}
