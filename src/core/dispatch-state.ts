import { type Cost, type Ending, siblingsOf } from './limits/account.ts'
import { CellMap } from './cell-map.ts'
import type { LlmView, Wanted } from './matching/choose.ts'
import { createHours, type Hours } from './limits/hours.ts'
import { createRefusals, type EarlyRefusal, type Refusals } from './forecast/early-refusal.ts'
import type { DecisionData, DecisionType, Failure, LimitReport } from './events.ts'
import { createGathering, type Gathering } from './matching/gather.ts'
import { createQueue, type Pending, type Queue } from './queue/queue.ts'
import type { Quotas } from './matching/quotas.ts'
import type { Refusal } from './refusal.ts'
import type { Cover, Reserved } from './matching/reservation.ts'
import { createTickets, type Tickets } from './forecast/tickets.ts'
import type { LlmSpec, ModelRule, Weights } from './types.ts'

/** What the dispatcher is told once. */
export interface Policy {
  readonly specs: readonly LlmSpec[]
  readonly rules: readonly ModelRule[]
  readonly weights: Weights
  readonly maxRequests: number
  readonly maxBytes: number
  /** Requests and bytes of one client that may wait. */
  readonly maxRequestsPerClient: number
  readonly maxBytesPerClient: number
  /** Share of each client, by name, of what is served while several wait; 1 for one that is not named. */
  readonly clientWeights: Readonly<Record<string, number>>
  /** LLMs that may fail a request before it fails; a lack of capacity does not count. */
  readonly maxAttempts: number
  /** What becomes of a request that is expected to wait for longer than it may. */
  readonly earlyRefusal: EarlyRefusal
}

/** What the dispatcher says to an LLM. */
export type LlmMessage =
  | { type: 'reserve'; key: string; cost: Cost; at: number }
  | (Ending & { type: 'settle'; key: string; at: number; sample: Sample | null })
  /** `sentAt` is when the call began in whose answer the limits were told. */
  | { type: 'report'; limits: readonly LimitReport[]; sentAt: number; at: number }
  | { type: 'full'; wanted: Wanted; at: number }
  /** `startedAt` is when the call that failed began. */
  | { type: 'fail'; failure: Failure; startedAt: number; at: number }
  /** Another LLM changed a limit that both share. */
  | { type: 'refresh'; at: number }

/** A finished call, from which an LLM learns how its provider counts and how fast it is. */
export interface Sample {
  /** Whose request it was. */
  readonly client?: string
  readonly estimatedTokens: number
  readonly inputTokens: number | null
  readonly outputTokens: number | null
  readonly firstByteMs: number
  readonly durationMs: number
}

/** The world as the dispatcher reaches it; each call has taken effect when it returns. */
export interface Ports {
  readonly views: readonly LlmView[]
  tell(llm: number, message: LlmMessage): void
  decide<T extends DecisionType>(type: T, request: string, llm: string | null, data: DecisionData[T]): void
}

/** A request with an attempt under way. */
export interface Running {
  readonly pending: Pending
  readonly llm: number
  /** Names the attempt on the ledgers. */
  readonly key: string
  readonly cost: Cost
  readonly waitMs: number
}

/** Owns every request from its arrival to its end. Changed in place; nothing keeps old versions of it. */
export interface Dispatcher {
  readonly policy: Policy
  readonly queue: Queue
  readonly running: CellMap<string, Running>
  /** The request whose room is kept; null when none was passed over too often. */
  reserved: Reserved | null
  /** The plan by whose end those that came before it are due. */
  cover: Cover
  /** The plan for what waits; null while it is not needed. */
  quotas: Quotas | null
  /** When the last plan was to be done; where the next one starts to look. */
  endsAt: number
  readonly gathering: Gathering
  /** How many were refused by prediction of late. */
  readonly refusals: Refusals
  /** When requests come. */
  readonly hours: Hours
  /** The places of those that were refused early and told to come again. */
  readonly tickets: Tickets
  /** While there is a plan: LLMs that may have room for something that waits, since something happened to them. */
  readonly news: Set<number>
  /** The status of each LLM when it was last looked at. */
  readonly seen: LlmView['status'][]
  /** For each LLM, those that share a limit with it. */
  readonly siblings: readonly (readonly number[])[]
  /**
   * Lists of LLMs that requests may go to, by their bits: those that wait share them, since there are few and many
   * wait.
   */
  readonly eligible: Map<string, readonly number[]>
  draining: boolean
  /** Whether the wall clock was set since the process started. */
  hasJumped: boolean
  /** When calls under way are cut; Infinity while the process is not stopping. */
  drainUntil: number
}

/** `hours` is what the log knows of the hours in which requests come. */
export function createDispatcher(policy: Policy, hours = createHours()): Dispatcher {
  return {
    policy,
    queue: createQueue(),
    running: new CellMap(),
    reserved: null,
    cover: { at: Number.NEGATIVE_INFINITY, endsAt: 0 },
    quotas: null,
    endsAt: 0,
    gathering: createGathering(),
    refusals: createRefusals(),
    hours,
    tickets: createTickets(),
    news: new Set(),
    seen: [],
    siblings: siblingsOf(policy.specs),
    eligible: new Map(),
    draining: false,
    hasJumped: false,
    drainUntil: Number.POSITIVE_INFINITY,
  }
}

/** Ends a request that never ran. */
export function reject(ports: Ports, id: string, { status, code, message, retryAfterMs }: Refusal): void {
  ports.decide('request.rejected', id, null, {
    status,
    code,
    message,
    retry_after_ms: retryAfterMs,
  })
}
