import type { Candidate, FailureClass, Usage } from '../../core/events.ts'
import type { Mode, Priority, Unit, Weights, WindowKind } from '../../core/types.ts'

/**
 * The life of one request as the log tells it: plain JSON, the same from `llb explain --json` and from
 * `GET /admin/requests/:id`. Instants are ms since 1970, prices integer nano-USD.
 */
export interface Explanation {
  readonly request: string
  readonly fate: Fate
  readonly seq: number
  readonly at: number
  /** The last event that was looked at: what comes later is not told. */
  readonly as_of: { readonly seq: number; readonly at: number }
  /** Of the configuration that it was taken in with. */
  readonly config_hash: string
  readonly asked: AskedFor
  /** What happened to it, in words, in order. */
  readonly story: readonly StoryLine[]
  /** On arrival, and at each start of an attempt. */
  readonly decisions: readonly DecisionAt[]
  /** Its time from the arrival on, without a gap. */
  readonly phases: readonly Phase[]
  readonly attempts: readonly AttemptTold[]
  readonly end: End | null
  readonly tokens: Tokens
  /** What it cost; null as long as it has not ended with a cost. */
  readonly cost_nano_usd: number | null
  /** What each LLM would have meant for it, the earliest first. */
  readonly instead: readonly Instead[]
  /** For a request that was refused or expired: what would have helped, in sentences. */
  readonly helped: readonly string[]
  /** What the figures of `instead` take for granted. */
  readonly assumes: string
}

export interface StoryLine {
  readonly at: number
  /** Since its arrival. */
  readonly after_ms: number
  readonly text: string
}

/** How it ended; `waiting` and `running` when it had not. */
export const FATES = [
  'completed',
  'failed',
  'rejected',
  'expired',
  'abandoned',
  'waiting',
  'running',
] as const
export type Fate = (typeof FATES)[number]

/** What the request asked for, and what held for it once the rule of its name was taken in. */
export interface AskedFor {
  readonly client: string
  readonly endpoint: string
  readonly model: string
  readonly modes: readonly Mode[]
  readonly tools: boolean
  readonly structured: boolean
  readonly stream: boolean
  readonly body_bytes: number
  /** Estimated, before the correction for each LLM. */
  readonly input_tokens: number
  /** The client's bound on the answer, or null. */
  readonly output_tokens: number | null
  readonly choices: number
  readonly priority: Priority
  readonly max_wait_ms: number
  /** Those in force, and whether they are its own, those of its name under `models:`, or the general ones. */
  readonly weights: Weights
  readonly weights_from: 'request' | 'model' | 'general'
  /** The stricter of its own bounds and those of its name; thousandths, and nano-USD. */
  readonly min_quality: number | null
  readonly max_cost_nano_usd: number | null
}

/** All LLMs as they were when something was decided. */
export interface DecisionAt {
  readonly seq: number
  readonly at: number
  readonly what: 'queued' | 'dispatched' | 'rejected' | 'expired' | null
  /** The LLM that took it. */
  readonly llm: string | null
  /** Other requests that waited then. Starts and scores are as if there were none. */
  readonly waiting: number
  readonly candidates: readonly CandidateAt[]
}

/** One LLM as it was for this request at one instant. */
export interface CandidateAt {
  readonly llm: string
  /** `exhausted` where one of its limits had no room for this very request. */
  readonly status: 'available' | 'exhausted' | 'cooling' | 'disabled'
  /** Why it was cooling or disabled, and until when it was to rest. */
  readonly because: string | null
  readonly until: number | null
  /** Why it could never take this request, whatever its state: its name, modes, size, bounds, an earlier attempt. */
  readonly never: string | null
  /** Why it was left aside though it could: as long as others can be reached. */
  readonly aside: string | null
  /** Tokens that it would have set aside, and their price. */
  readonly reserve: { readonly input_tokens: number; readonly output_tokens: number }
  readonly cost_nano_usd: number
  /** The least number of tokens that the request needs of the context, and how long that is. */
  readonly context: { readonly tokens: number; readonly length: number }
  readonly limits: readonly LimitAt[]
  /** When its limits and its state would have let it start, nobody before it; null when nothing told. */
  readonly starts_at: number | null
  /** What kept it until then. */
  readonly waits_for: string | null
  /** Null where it could never take the request. */
  readonly score: ScoreAt | null
  /** What the decision itself noted in the log, where it did. */
  readonly noted: Candidate | null
}

/** One limit against what the request asked of it: it fits when used + reserved + kept + asked <= amount. */
export interface LimitAt {
  readonly limit: string
  readonly unit: Unit
  readonly per_ms: number
  readonly window: WindowKind
  /** In force, and as declared: less may have been learned. */
  readonly amount: number
  readonly declared: number
  /** What was spent and still counted. */
  readonly used: number
  /** What calls under way held of it. */
  readonly reserved: number
  /** Kept back for higher priorities. */
  readonly kept: number
  readonly asked: number
  readonly fits: boolean
  /** When it would have fitted; null when only the end of a call could tell. */
  readonly fits_at: number | null
  /** Whether its pace over the day is what bound, not its amount. */
  readonly paced: boolean
  /** The least amount with which it would have fitted at once; null where it did fit, or none would do. */
  readonly at_least: number | null
}

/** The parts of a score, each 0 to 1, and their weighted sum; thousandths are rounded. */
export interface ScoreAt {
  readonly cost: number
  readonly quality: number
  readonly speed: number
  /** If it had started at once. */
  readonly now: number
  /** The wait until `starts_at` counted; null when it would have been too late, or nothing told. */
  readonly after_wait: number | null
}

/** A stretch of its time. */
export interface Phase {
  readonly from: number
  /** Null for one that lasts. */
  readonly to: number | null
  readonly ms: number
  /** Waiting for a limit or state, waiting for others to be served first, or a call. */
  readonly what: 'limit' | 'turn' | 'call'
  /** What it waited for, or the LLM of the call. */
  readonly for: string
}

/** One call to a provider. */
export interface AttemptTold {
  readonly attempt: number
  readonly llm: string
  readonly at: number
  readonly wait_ms: number
  readonly waited_for: string | null
  readonly reserved: { readonly input_tokens: number; readonly output_tokens: number }
  readonly outcome: 'finished' | 'failed' | 'cut' | 'running'
  readonly status: number | null
  readonly first_byte_ms: number | null
  readonly duration_ms: number | null
  readonly finish_reason: string | null
  readonly usage: Usage | null
  readonly failure: FailureTold | null
}

export interface FailureTold {
  readonly class: FailureClass
  readonly message: string
  readonly retry_after_ms: number | null
  /** Whether the client had got any of the answer. */
  readonly delivered: boolean
  /** What its LLM did, and what became of the request. */
  readonly followed: readonly string[]
}

/** The event that ended it. */
export interface End {
  readonly seq: number
  readonly at: number
  readonly status: number | null
  readonly code: string | null
  readonly message: string | null
  readonly retry_after_ms: number | null
  readonly wait_ms: number
  readonly duration_ms: number
}

export interface Tokens {
  readonly estimated: { readonly input_tokens: number; readonly output_tokens: number | null }
  /** By the last attempt. */
  readonly reserved: { readonly input_tokens: number; readonly output_tokens: number } | null
  readonly used: { readonly input_tokens: number; readonly output_tokens: number } | null
  /** Whether `used` is what was reserved, since the provider told nothing. */
  readonly assumed: boolean
}

/** What would have been on one LLM. */
export interface Instead {
  readonly llm: string
  /** How long after its arrival its limits and state let it start there, nobody before it; null when nothing told. */
  readonly starts_ms: number | null
  /** By how much sooner it could have started there at once: how long it waited; null when it never started. */
  readonly sooner_ms: number | null
  /** The limits that had to be higher for that. */
  readonly raise: readonly Raise[]
  /** Whether it would have been the choice then. */
  readonly chosen: boolean
  /** Price of the tokens that it used, else of those that it would have set aside. */
  readonly cost_nano_usd: number
  /** All that in a sentence. */
  readonly text: string
}

export interface Raise {
  readonly limit: string
  readonly amount: number
  readonly at_least: number
}
