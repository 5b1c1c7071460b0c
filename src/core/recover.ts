import { type Account, type Cost, createAccount, reserveAll, settleAll } from './account.ts'
import { mayHaveBooked, mayHaveCounted } from './cooling.ts'
import type { Event } from './events.ts'
import { createLlm, type Llm } from './llm.ts'
import { post } from './ledger.ts'
import { initialSkill, learned, type Skill } from './skill.ts'
import type { LlmSpec } from './types.ts'

/** What a log says about the state the process has to start in. */
export interface Recovered {
  readonly llms: Llm[]
  /** Requests that were under way when the process ended without a word. */
  readonly unfinished: readonly Unfinished[]
}

export interface Unfinished {
  readonly request: string
  readonly attempts: number
  /** Time it had waited until its last attempt, or in all when it had none. */
  readonly waitMs: number
}

interface Attempt {
  readonly key: string
  readonly llm: string
  readonly cost: Cost
  readonly estimatedTokens: number
}

/**
 * Rebuilds ledgers, token corrections and speeds from the events, oldest first. What was under way when the
 * process ended is charged in full as of `now`: its provider may have gone on until then.
 * `disabled` says why an LLM starts disabled.
 */
export function recover(
  events: Iterable<Event>,
  specs: readonly LlmSpec[],
  disabled: (spec: LlmSpec) => string | null,
  now: number,
): Recovered {
  const accounts = new Map<string, Account>(specs.map((spec) => [spec.name, createAccount(spec.limits)]))
  const skills = new Map<string, Skill>(specs.map((spec) => [spec.name, initialSkill(spec)]))
  const open = new Map<string, { at: number; inputTokens: number; attempts: number; waitMs: number }>()
  const attempts = new Map<string, Attempt>()

  const settle = (request: string, cost: Cost | null, counted: boolean, at: number): Attempt | undefined => {
    const attempt = attempts.get(request)
    const account = attempt && accounts.get(attempt.llm)
    attempts.delete(request)
    if (attempt && account) settleAll(account, attempt.key, cost ?? attempt.cost, counted, at)
    return attempt
  }

  for (const event of events) {
    const { request, at } = event
    switch (event.type) {
      case 'request.received':
        open.set(request!, { at, inputTokens: event.data.input_tokens, attempts: 0, waitMs: 0 })
        break
      case 'request.dispatched': {
        const { attempt, reserved } = event.data
        const cost = { inputTokens: reserved.input_tokens, outputTokens: reserved.output_tokens }
        const key = `${request}#${attempt}`
        const known = open.get(request!)
        if (known) open.set(request!, { ...known, attempts: attempt, waitMs: event.data.wait_ms })
        attempts.set(request!, {
          key,
          llm: event.llm!,
          cost,
          estimatedTokens: known?.inputTokens ?? 0,
        })
        const account = accounts.get(event.llm!)
        if (account) reserveAll(account, key, cost, at)
        break
      }
      case 'attempt.finished': {
        const { usage, first_byte_ms: firstByteMs, duration_ms: durationMs } = event.data
        const cost = usage && { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens }
        const attempt = settle(request!, cost, true, at)
        const skill = attempt && skills.get(attempt.llm)
        if (!skill) break
        const { estimatedTokens } = attempt
        const sample = {
          inputTokens: null,
          outputTokens: null,
          ...cost,
          estimatedTokens,
          firstByteMs,
          durationMs,
        }
        skills.set(attempt.llm, learned(skill, sample))
        break
      }
      case 'attempt.failed':
        settle(
          request!,
          mayHaveBooked(event.data) ? null : { inputTokens: 0, outputTokens: 0 },
          mayHaveCounted(event.data),
          at,
        )
        break
      case 'llm.limit_learned': {
        const { limit: name, amount, until } = event.data
        const ledger = accounts.get(event.llm!)?.ledgers.find(({ limit }) => limit.name === name)
        if (ledger !== undefined && amount !== null && until !== null) post(ledger, amount, until)
        break
      }
      case 'request.abandoned':
        settle(request!, null, true, at)
        open.delete(request!)
        break
      case 'request.completed':
      case 'request.failed':
      case 'request.rejected':
      case 'request.expired':
        open.delete(request!)
        break
    }
  }
  for (const request of attempts.keys()) settle(request, null, true, now)
  const llms = specs.map((spec) =>
    createLlm(spec, accounts.get(spec.name)!, skills.get(spec.name)!, disabled(spec), now),
  )
  const unfinished = [...open].map(([request, { at, attempts, waitMs }]) => ({
    request,
    attempts,
    waitMs: attempts === 0 ? now - at : waitMs,
  }))
  return { llms, unfinished }
}
