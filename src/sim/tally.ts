import { type Event, type EventOf, isTerminal } from '../core/events.ts'
import { createRequestBook } from './request-book.ts'
import type { TerminalType } from './run.ts'
import type { Observer } from './world.ts'

/** Times in ms, each with how often it was seen: exact, and bounded by how long requests may take. */
export interface Times {
  add(ms: number): void
  /** The smallest time that at least this share of a thousand stay within (nearest rank); 0 when there is none. */
  quantile(permille: number): number
}

export function createTimes(): Times {
  const seen = new Map<number, number>()
  let count = 0
  return {
    add(ms) {
      count++
      seen.set(ms, (seen.get(ms) ?? 0) + 1)
    },
    quantile(permille) {
      const rank = Math.max(1, Math.ceil((count * permille) / 1000))
      let passed = 0
      for (const [ms, times] of [...seen].sort(([a], [b]) => a - b)) {
        passed += times
        if (passed >= rank) return ms
      }
      return 0
    },
  }
}

/** What one LLM did. */
export interface LlmTally {
  readonly llm: string
  attempts: number
  completed: number
  inputTokens: number
  outputTokens: number
  costNanoUsd: number
  /** Answers of status 429. */
  rateLimited: number
  /** How long each limit left no room while requests waited, in ms, by its name. */
  readonly boundMs: Map<string, number>
}

export interface Tally extends Observer {
  readonly requests: number
  readonly ended: ReadonlyMap<TerminalType, number>
  /** From the first arrival to the last end of a request, in ms; 0 before any has ended. */
  readonly makespanMs: number
  /** From arrival to the start of the attempt that answered. */
  readonly waits: Times
  /** From arrival to the end of the answer. */
  readonly answers: Times
  readonly llms: readonly LlmTally[]
}

/**
 * Adds up what happens while it happens; LLMs that are not named beforehand come after the others. O(LLMs) an event;
 * memory by LLM and by request under way.
 */
export function createTally(names: readonly string[]): Tally {
  const llms = new Map(names.map((llm) => [llm, tallyOf(llm)]))
  const ended = new Map<TerminalType, number>()
  const [waits, answers] = [createTimes(), createTimes()]
  const book = createRequestBook(Number.POSITIVE_INFINITY)
  /** The limit that leaves each LLM without room. */
  const exhausted = new Map<string, string>()
  let requests = 0
  let lastAt = 0
  let [firstAt, lastEndAt] = [0, 0]

  function ofLlm(name: string): LlmTally {
    const known = llms.get(name) ?? tallyOf(name)
    llms.set(name, known)
    return known
  }
  function countBound(at: number): void {
    if (book.waiting > 0)
      for (const [llm, limit] of exhausted) {
        const { boundMs } = llms.get(llm)!
        boundMs.set(limit, (boundMs.get(limit) ?? 0) + at - lastAt)
      }
    lastAt = at
  }
  function countLlm(tally: LlmTally, event: Event): void {
    if (event.type === 'llm.exhausted') exhausted.set(tally.llm, event.data.limit)
    else if (event.type === 'llm.available' || event.type === 'llm.cooling' || event.type === 'llm.disabled')
      exhausted.delete(tally.llm)
    else if (event.type === 'request.dispatched') tally.attempts++
    else if (event.type === 'attempt.failed') tally.rateLimited += Number(event.data.status === 429)
    else if (event.type === 'request.completed') complete(tally, event)
    else if (event.type === 'request.failed') tally.costNanoUsd += event.data.cost_nano_usd
  }
  function complete(tally: LlmTally, { data }: EventOf<'request.completed'>): void {
    tally.completed++
    tally.inputTokens += data.input_tokens
    tally.outputTokens += data.output_tokens
    tally.costNanoUsd += data.cost_nano_usd
    waits.add(data.wait_ms)
    answers.add(data.duration_ms)
  }
  return {
    waits,
    answers,
    ended,
    get requests() {
      return requests
    },
    get makespanMs() {
      return lastEndAt === 0 ? 0 : lastEndAt - firstAt
    },
    get llms() {
      return [...llms.values()]
    },
    event(event) {
      countBound(event.at)
      book.take(event)
      if (event.type === 'request.received' && requests++ === 0) firstAt = event.at
      if (event.llm !== null) countLlm(ofLlm(event.llm), event)
      if (!isTerminal(event.type)) return
      lastEndAt = event.at
      const type = event.type as TerminalType
      ended.set(type, (ended.get(type) ?? 0) + 1)
    },
  }
}

function tallyOf(llm: string): LlmTally {
  const tokens = { inputTokens: 0, outputTokens: 0, costNanoUsd: 0 }
  return { llm, attempts: 0, completed: 0, ...tokens, rateLimited: 0, boundMs: new Map() }
}
