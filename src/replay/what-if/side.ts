import type { Event } from '../../core/events.ts'
import { figuresOf, type LlmFigures, type Quantiles, quantilesOf } from '../../sim/simulate.ts'
import type { TerminalType } from '../../sim/run.ts'
import { createTally } from '../../sim/tally.ts'

/** What became of the requests in one of the two worlds. */
export interface Side {
  readonly requests: number
  readonly completed: number
  readonly expired: number
  readonly rejected: number
  readonly failed: number
  readonly abandoned: number
  /** Of what was answered, as are the others. */
  readonly wait: Quantiles
  readonly answer: Quantiles
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cost_usd: number
  /** Mean of the quality of the LLM that answered, 0 to 1; null where nothing was answered. */
  readonly quality: number | null
  readonly rate_limited: number
  readonly llms: readonly LlmFigures[]
}

/** An LLM as one of the two worlds knows it. */
export interface Known {
  /** What it is called in the tables, the same in both worlds. */
  readonly name: string
  /** The same without the number of its key. */
  readonly group: string
  /** 0 to 1000 */
  readonly quality: number
}

export interface SideBook {
  take(event: Event): void
  /** How each request ended, in words that are the same in both worlds. */
  readonly fates: ReadonlyMap<string, string>
  side(): Side
}

/** Adds up one of the two worlds. Requests that do not count are as if they had not been; LLMs are. */
export function createSideBook(
  known: (llm: string) => Known,
  isCounted: (request: string) => boolean,
): SideBook {
  const tally = createTally([])
  const fates = new Map<string, string>()
  let quality = 0
  return {
    fates,
    take(event) {
      const { request, llm } = event
      if (request !== null && !isCounted(request)) return
      const one = llm === null ? null : known(llm)
      tally.event?.(one === null ? event : { ...event, llm: one.name })
      const fate = fateOf(event, one)
      if (fate !== null) fates.set(request!, fate)
      if (event.type === 'request.completed') quality += one!.quality
    },
    side() {
      const ended = (type: TerminalType) => tally.ended.get(type) ?? 0
      const completed = ended('request.completed')
      const llms = tally.llms.map((llm) => figuresOf(llm, completed))
      const sum = (of: (llm: (typeof tally.llms)[number]) => number) =>
        tally.llms.reduce((total, llm) => total + of(llm), 0)
      return {
        requests: tally.requests,
        completed,
        expired: ended('request.expired'),
        rejected: ended('request.rejected'),
        failed: ended('request.failed'),
        abandoned: ended('request.abandoned'),
        wait: quantilesOf(tally.waits),
        answer: quantilesOf(tally.answers),
        input_tokens: sum(({ inputTokens }) => inputTokens),
        output_tokens: sum(({ outputTokens }) => outputTokens),
        cost_usd: sum(({ costNanoUsd }) => costNanoUsd) / 1e9,
        quality: completed === 0 ? null : quality / completed / 1000,
        rate_limited: sum(({ rateLimited }) => rateLimited),
        llms,
      }
    },
  }
}

function fateOf(event: Event, llm: Known | null): string | null {
  switch (event.type) {
    case 'request.completed':
      return `answered by ${llm!.group}`
    case 'request.expired':
      return 'expired'
    case 'request.abandoned':
      return 'abandoned'
    case 'request.rejected':
      return `rejected (${event.data.code})`
    case 'request.failed':
      return `failed (${event.data.code})`
    default:
      return null
  }
}
