import type { Event } from '../../core/events.ts'
import { createTally } from '../../sim/tally.ts'
import { type Totals, totalsOf } from '../../sim/totals.ts'

/** What became of the requests in one of the two worlds. */
export interface Side extends Totals {
  /** Mean of the quality of the LLM that answered, 0 to 1; null where nothing was answered. */
  readonly quality: number | null
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
      const { rate_limited, llms, ...rest } = totalsOf(tally)
      const mean = rest.completed === 0 ? null : quality / rest.completed / 1000
      return { ...rest, quality: mean, rate_limited, llms }
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
