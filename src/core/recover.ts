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
import { createHours, type Hours, noteHours } from './limits/hours.ts'
import type { Event, EventOf, Failure } from './events.ts'
import { forgetPhases } from './limits/learning/in-force.ts'
import { applyLesson } from './limits/learning/learned.ts'
import { createLlm, type Llm } from './llm.ts'
import { initialSkill, learned, type Skill } from './needs/skill.ts'
import type { LlmSpec } from './types.ts'

/** What a log says about the state the process has to start in. */
export interface Recovered {
  readonly llms: Llm[]
  /** Requests that were under way when the process ended without a word. */
  readonly unfinished: readonly Unfinished[]
  readonly hours: Hours
}

export interface Unfinished {
  readonly request: string
  readonly attempts: number
  /** Time it had waited until its last attempt, or in all when it had none. */
  readonly waitMs: number
}

/** One LLM while the log is read. */
interface Past {
  readonly spec: LlmSpec
  readonly account: Account
  skill: Skill
  /** The last word on its cooling; null once it was available again. */
  cooling: EventOf<'llm.cooling'>['data'] | null
}

/** A request that has not ended yet. */
interface Open {
  readonly at: number
  readonly client: string
  readonly inputTokens: number
  attempts: number
  waitMs: number
  /** The attempt under way. */
  attempt: { readonly key: string; readonly llm: string; readonly cost: Cost } | null
}

interface Fold {
  readonly llms: Map<string, Past>
  readonly open: Map<string, Open>
  readonly hours: Hours
}

/** How an attempt ended; its cost is null for what was reserved. */
type Ended = Omit<Ending, 'cost'> & { readonly cost: Cost | null }

const NO_TOKENS: Cost = { inputTokens: 0, outputTokens: 0 }
const CUT: Ended = { cost: null, counted: true, cut: true }

function endingOf(failure: Failure): Ended {
  const cost = mayHaveBooked(failure) ? null : NO_TOKENS
  return { cost, counted: mayHaveCounted(failure), cut: isCut(failure) }
}

/**
 * Rebuilds ledgers and the pace of daily limits, cooling, token corrections and speeds from the events, oldest first.
 * What was under way when the process ended is charged in full as of `now`: its provider may have gone on until then.
 * `disabled` says why an LLM starts disabled.
 */
export function recover(
  events: Iterable<Event>,
  specs: readonly LlmSpec[],
  disabled: (spec: LlmSpec) => string | null,
  now: number,
): Recovered {
  const accounts = createAccounts(specs)
  const all = specs.map((spec, i) => pastOf(spec, accounts[i]!))
  const fold: Fold = {
    llms: new Map(all.map((past) => [past.spec.name, past])),
    open: new Map(),
    hours: createHours(),
  }
  for (const event of events) take(fold, event)
  const unfinished: Unfinished[] = []
  for (const [request, open] of fold.open) {
    settle(fold, open, CUT, now)
    const waitMs = open.attempts === 0 ? now - open.at : open.waitMs
    unfinished.push({ request, attempts: open.attempts, waitMs })
  }
  const llms = all.map((past) => llmOf(past, disabled(past.spec), now))
  return { llms, unfinished, hours: fold.hours }
}

function pastOf(spec: LlmSpec, account: Account): Past {
  return { spec, account, skill: initialSkill(spec), cooling: null }
}

function llmOf({ spec, account, skill, cooling }: Past, disabled: string | null, now: number): Llm {
  const llm = createLlm(spec, account, skill, disabled, now)
  if (disabled !== null || cooling === null || cooling.until <= now) return llm
  const { because: cause, message: because, until: wakeAt } = cooling
  return { ...llm, status: 'cooling', wakeAt, because, cause }
}

function take(fold: Fold, event: Event): void {
  const past = event.llm === null ? undefined : fold.llms.get(event.llm)
  if (event.type === 'clock.jumped')
    for (const { account } of fold.llms.values()) forgetPhases(account, event.at)
  if (event.type === 'llm.cooling' && past) past.cooling = event.data
  else if (event.type === 'llm.available' && past) past.cooling = null
  else if (event.type === 'llm.limit_learned' && past) applyLesson(past.account, event.data, event.at)
  else if (event.request !== null) takeOfRequest(fold, event.request, event)
}

function takeOfRequest(fold: Fold, request: string, event: Event): void {
  if (event.type === 'request.received') {
    const { client, input_tokens: inputTokens } = event.data
    noteHours(fold.hours, fold.llms.values(), event.at)
    fold.open.set(request, { at: event.at, client, inputTokens, attempts: 0, waitMs: 0, attempt: null })
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
      break
    case 'attempt.failed':
      settle(fold, open, endingOf(event.data), event.at)
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
  open: Open,
  { request, llm, at, data }: EventOf<'request.dispatched'>,
): void {
  const cost = { inputTokens: data.reserved.input_tokens, outputTokens: data.reserved.output_tokens }
  const key = `${request}#${data.attempt}`
  open.attempts = data.attempt
  open.waitMs = data.wait_ms
  open.attempt = { key, llm: llm!, cost }
  const past = llms.get(llm!)
  if (past) reserveAll(past.account, key, cost, at)
}

function finished(fold: Fold, open: Open, { llm, at, data }: EventOf<'attempt.finished'>): void {
  const { usage, first_byte_ms: firstByteMs, duration_ms: durationMs } = data
  const cost = usage && costOf(usage)
  settle(fold, open, { cost, counted: true, cut: false }, at)
  const past = fold.llms.get(llm!)
  if (past === undefined) return
  const tokens = { inputTokens: cost?.inputTokens ?? null, outputTokens: cost?.outputTokens ?? null }
  const { client, inputTokens: estimatedTokens } = open
  past.skill = learned(past.skill, { client, ...tokens, estimatedTokens, firstByteMs, durationMs })
}

/** Settles the attempt under way, if there is one. */
function settle({ llms }: Fold, open: Open, ended: Ended, at: number): void {
  const { attempt } = open
  open.attempt = null
  const past = attempt && llms.get(attempt.llm)
  if (!attempt || !past) return
  settleCall(past.account, attempt.key, { ...ended, cost: ended.cost ?? attempt.cost }, at)
}
