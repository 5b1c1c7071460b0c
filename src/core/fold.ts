import {
  type Account,
  type Cost,
  costOf,
  createAccounts,
  type Ending,
  reserveAll,
  settleCall,
} from './limits/account.ts'
import { isCut, mayHaveBooked, mayHaveCounted } from './cooling.ts'
import type { Event, EventOf, Failure, FailureClass } from './events.ts'
import { createHours, type Hours, noteHours } from './limits/hours.ts'
import { forgetPhases } from './limits/learning/in-force.ts'
import { trustKinds } from './limits/learning/kinds.ts'
import { applyLesson } from './limits/learning/learned.ts'
import type { LlmStatus } from './llm.ts'
import { initialSkill, learned, type Skill } from './needs/skill.ts'
import type { LlmSpec } from './types.ts'

/**
 * The state that a log tells, event by event: the same as that of the live actors after the last of the events, but for
 * what they only suspect (what headers and refusals have shown so far, failures in a row) and what they plan.
 * Changed in place, by {@link foldInto} alone.
 */
export interface Fold {
  /** By name, in the order of the configuration; LLMs that share a limit share its ledger. */
  readonly llms: Map<string, FoldedLlm>
  /** Requests that have not ended, by id, in the order in which they came. */
  readonly open: Map<string, OpenRequest>
  readonly hours: Hours
  /** Whether the wall clock was set since the process started, so that no later one shares a phase with it. */
  hasJumped: boolean
}

export interface FoldedLlm {
  readonly spec: LlmSpec
  readonly account: Account
  skill: Skill
  standing: Standing
}

/** What an LLM was last said to be. */
export interface Standing {
  readonly status: LlmStatus
  /** Why it is not available, for people; null when it is. */
  readonly because: string | null
  /** The failure that it cools for; null when it does not. */
  readonly cause: FailureClass | null
  /** When it has cooled, in ms since 1970; null when it does not cool. */
  readonly until: number | null
}

export interface OpenRequest {
  /** Of its `request.received`. */
  readonly seq: number
  readonly at: number
  readonly client: string
  readonly inputTokens: number
  attempts: number
  /** The attempt under way; null while it waits. */
  attempt: OpenAttempt | null
  /** Whether an attempt has ended and what follows is told by one of the next events, at the same instant. */
  isEnding: boolean
}

export interface OpenAttempt {
  /** Names it on the ledgers. */
  readonly key: string
  readonly llm: string
  readonly cost: Cost
  readonly waitMs: number
}

/** A request that was under way when its process ended without a word. */
export interface Unfinished {
  readonly request: string
  readonly attempts: number
  /** Time it had waited until the attempt under way, or in all when there was none. */
  readonly waitMs: number
}

/** How an attempt ended; its cost is null for what was reserved. */
type Ended = Omit<Ending, 'cost'> & { readonly cost: Cost | null }

export const AVAILABLE: Standing = { status: 'available', because: null, cause: null, until: null }
const NO_TOKENS: Cost = { inputTokens: 0, outputTokens: 0 }
const CUT: Ended = { cost: null, counted: true, cut: true }

/** The state before the first event. */
export function createFold(specs: readonly LlmSpec[]): Fold {
  const accounts = createAccounts(specs)
  const llms = specs.map((spec, i): [string, FoldedLlm] => [
    spec.name,
    { spec, account: accounts[i]!, skill: initialSkill(spec), standing: AVAILABLE },
  ])
  return { llms: new Map(llms), open: new Map(), hours: createHours(), hasJumped: false }
}

/**
 * Takes in the next event. Of a process that starts over the same configuration it is known what it finds; of LLMs that
 * are not of this configuration nothing is kept.
 */
export function foldInto(fold: Fold, event: Event): void {
  if (event.request !== null) return ofRequest(fold, event.request, event)
  switch (event.type) {
    case 'timer.fired':
      return
    case 'process.started':
      startOver(fold, event.data.recovered_at ?? event.at)
      return
    case 'clock.jumped':
      fold.hasJumped = true
      return
    default: {
      const llm = event.llm === null ? undefined : fold.llms.get(event.llm)
      if (llm !== undefined) ofLlm(llm, event)
    }
  }
}

/**
 * What a process finds that starts at `now`: calls of the one before it were cut, and are charged in full, as their
 * providers may have gone on until then. Gives the requests that were under way, which are for the process to end.
 */
export function startOver(fold: Fold, now: number): Unfinished[] {
  const unfinished: Unfinished[] = []
  for (const [request, open] of fold.open) {
    const { attempts, attempt } = open
    settle(fold, open, CUT, now)
    unfinished.push({ request, attempts, waitMs: attempt?.waitMs ?? now - open.at })
  }
  for (const llm of fold.llms.values()) {
    if (fold.hasJumped) forgetPhases(llm.account, now)
    const { status, until } = llm.standing
    if (status !== 'cooling' || until! <= now) llm.standing = AVAILABLE
  }
  fold.hasJumped = false
  return unfinished
}

function ofLlm(llm: FoldedLlm, event: Event): void {
  switch (event.type) {
    case 'llm.available':
      llm.standing = AVAILABLE
      break
    case 'llm.exhausted':
      llm.standing = { ...AVAILABLE, status: 'exhausted', because: `${event.data.limit} is used up` }
      break
    case 'llm.cooling': {
      const { because: cause, message: because, until } = event.data
      llm.standing = { status: 'cooling', because, cause, until }
      break
    }
    case 'llm.disabled':
      llm.standing = { ...AVAILABLE, status: 'disabled', because: event.data.because }
      break
    case 'llm.crashed':
      if (llm.standing.status === 'exhausted') llm.standing = AVAILABLE
      break
    case 'llm.limit_learned':
      applyLesson(llm.account, event.data, event.at)
      break
  }
}

function ofRequest(fold: Fold, request: string, event: Event): void {
  if (event.type === 'request.received') {
    const { client, input_tokens: inputTokens } = event.data
    noteHours(fold.hours, fold.llms.values(), event.at)
    const { seq, at } = event
    fold.open.set(request, { seq, at, client, inputTokens, attempts: 0, attempt: null, isEnding: false })
    return
  }
  const open = fold.open.get(request)
  if (open === undefined) return
  switch (event.type) {
    case 'request.dispatched':
      dispatched(fold, open, event)
      break
    case 'attempt.finished':
      finished(fold, open, event)
      open.isEnding = true
      break
    case 'attempt.failed':
      settle(fold, open, endingOf(event.data), event.at)
      open.isEnding = true
      break
    case 'request.retried':
      open.isEnding = false
      break
    case 'request.abandoned':
    case 'request.completed':
    case 'request.failed':
    case 'request.rejected':
    case 'request.expired':
      settle(fold, open, CUT, event.at)
      fold.open.delete(request)
      break
  }
}

function dispatched(
  { llms }: Fold,
  open: OpenRequest,
  { request, llm, at, data }: EventOf<'request.dispatched'>,
): void {
  const cost = { inputTokens: data.reserved.input_tokens, outputTokens: data.reserved.output_tokens }
  const key = `${request}#${data.attempt}`
  open.attempts = data.attempt
  open.attempt = { key, llm: llm!, cost, waitMs: data.wait_ms }
  const past = llms.get(llm!)
  if (past) reserveAll(past.account, key, cost, at)
}

function finished(fold: Fold, open: OpenRequest, { llm, at, data }: EventOf<'attempt.finished'>): void {
  const { usage, first_byte_ms: firstByteMs, duration_ms: durationMs } = data
  const cost = usage && costOf(usage)
  settle(fold, open, { cost, counted: true, cut: false }, at)
  const past = fold.llms.get(llm!)
  if (past === undefined) return
  const tokens = { inputTokens: cost?.inputTokens ?? null, outputTokens: cost?.outputTokens ?? null }
  const { client, inputTokens: estimatedTokens } = open
  past.skill = learned(past.skill, { client, ...tokens, estimatedTokens, firstByteMs, durationMs })
  trustKinds(past.account, at)
}

function endingOf(failure: Failure): Ended {
  const cost = mayHaveBooked(failure) ? null : NO_TOKENS
  return { cost, counted: mayHaveCounted(failure), cut: isCut(failure) }
}

/** Settles the attempt under way, if there is one. */
function settle({ llms }: Fold, open: OpenRequest, ended: Ended, at: number): void {
  const { attempt } = open
  open.attempt = null
  const past = attempt && llms.get(attempt.llm)
  if (!attempt || !past) return
  settleCall(past.account, attempt.key, { ...ended, cost: ended.cost ?? attempt.cost }, at)
}
