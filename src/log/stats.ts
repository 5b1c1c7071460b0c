import { type Event, type EventOf, isOfWindow, type LearnedWindow, type LessonCause } from '../core/events.ts'

/** What one LLM did over a span of the log. */
export interface LlmStats {
  readonly llm: string
  requests: number
  completed: number
  failedAttempts: number
  /** Failed attempts by class. */
  errors: Record<string, number>
  inputTokens: number
  outputTokens: number
  costNanoUsd: number
  waitMsTotal: number
  waitMsMax: number
  /** The last lesson on each of its limits; hidden windows, and how a limit is counted, apart. */
  readonly learned: LearnedLimit[]
}

/** What was learned of a limit and is in force beside or instead of what is declared. */
export interface LearnedLimit {
  readonly limit: string
  readonly declared: number
  readonly inForce: number
  readonly perMs: number
  /** How it is counted, where that was the lesson; null for as declared, and in every other lesson. */
  readonly window: LearnedWindow['window'] | null
  /** When a fixed window begins, modulo its length; else null. */
  readonly phaseMs: number | null
  readonly cause: LessonCause
  readonly because: string
  /** ms since 1970 */
  readonly at: number
}

/** What a span of the log adds up to. */
export interface Stats {
  readonly from: number | null
  readonly to: number | null
  requests: number
  refused: number
  expired: number
  abandoned: number
  failed: number
  readonly llms: LlmStats[]
}

/** Folds events into counters. O(events), memory by LLM. */
export function statsOf(events: Iterable<Event>): Stats {
  const llms = new Map<string, LlmStats>()
  const stats = {
    from: null as number | null,
    to: null as number | null,
    requests: 0,
    refused: 0,
    expired: 0,
    abandoned: 0,
    failed: 0,
  }
  for (const event of events) {
    stats.from ??= event.at
    stats.to = event.at
    countRequest(stats, event)
    if (event.llm !== null) countLlm(llmStats(llms, event.llm), event)
  }
  return { ...stats, llms: [...llms.values()] }
}

function countRequest(stats: Omit<Stats, 'llms'>, { type }: Event): void {
  if (type === 'request.received') stats.requests++
  if (type === 'request.rejected') stats.refused++
  if (type === 'request.expired') stats.expired++
  if (type === 'request.abandoned') stats.abandoned++
  if (type === 'request.failed') stats.failed++
}

function countLlm(llm: LlmStats, event: Event): void {
  switch (event.type) {
    case 'request.dispatched':
      llm.requests++
      llm.waitMsTotal += event.data.wait_ms
      llm.waitMsMax = Math.max(llm.waitMsMax, event.data.wait_ms)
      break
    case 'request.completed':
      llm.completed++
      llm.inputTokens += event.data.input_tokens
      llm.outputTokens += event.data.output_tokens
      llm.costNanoUsd += event.data.cost_nano_usd
      break
    case 'request.failed':
      llm.costNanoUsd += event.data.cost_nano_usd
      break
    case 'attempt.failed':
      llm.failedAttempts++
      llm.errors[event.data.class] = (llm.errors[event.data.class] ?? 0) + 1
      break
    case 'llm.limit_learned':
      learn(llm.learned, event)
      break
  }
}

function learn(learned: LearnedLimit[], { at, data }: EventOf<'llm.limit_learned'>): void {
  const { limit, declared, in_force: inForce, cause, because } = data
  if (inForce == null) return
  const { amount, per_ms: perMs, window = null, phase_ms: phaseMs = null } = inForce
  const lesson = { limit, declared, inForce: amount, perMs, window, phaseMs, cause, because, at }
  const i = learned.findIndex(
    (one) => one.limit === limit && one.perMs === perMs && isOfWindow(one.cause) === isOfWindow(cause),
  )
  if (i < 0) learned.push(lesson)
  else learned[i] = lesson
}

function llmStats(llms: Map<string, LlmStats>, llm: string): LlmStats {
  const known = llms.get(llm)
  if (known !== undefined) return known
  const fresh: LlmStats = {
    llm,
    requests: 0,
    completed: 0,
    failedAttempts: 0,
    errors: {},
    inputTokens: 0,
    outputTokens: 0,
    costNanoUsd: 0,
    waitMsTotal: 0,
    waitMsMax: 0,
    learned: [],
  }
  llms.set(llm, fresh)
  return fresh
}
