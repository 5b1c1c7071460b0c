import type { Candidate, Event, LimitLesson } from '../core/events.ts'

export type Level = 'error' | 'warn' | 'info' | 'debug'

/** An event as a person wants to read it; null for those that tell a person nothing. */
export interface Line {
  readonly level: Level
  readonly text: string
}

/** Shorter pauses of an LLM are ordinary breathing, not news. */
const NEWS_MS = 1000

/** Puts an event in words. Never shows a key, a prompt or an answer, since no event holds one. */
export function narrate(event: Event): Line | null {
  switch (event.type) {
    case 'request.received': {
      const { model, client, input_tokens: tokens, stream, priority } = event.data
      const rank = priority === 'normal' ? '' : `, ${priority} priority`
      return info(
        `received   model "${model}" from ${client}, about ${tokens} tokens${stream ? ', stream' : ''}${rank}`,
      )
    }
    case 'request.queued': {
      const { position, waiting_for: limit, eta_ms: eta } = event.data
      return info(
        `queued     at position ${position}, waits for ${limit}${eta === null ? '' : `, about ${seconds(eta)}`}`,
      )
    }
    case 'request.dispatched': {
      const { attempt, wait_ms: waited, waited_for: limit, candidates } = event.data
      const wait = waited === 0 ? '' : ` after ${seconds(waited)}${limit === null ? '' : ` for ${limit}`}`
      const again = attempt === 1 ? '' : `, attempt ${attempt}`
      const reason = candidates.length === 0 ? '' : ` (${reasonOf(candidates)})`
      return info(`dispatched to ${event.llm}${wait}${again}${reason}`)
    }
    case 'request.retried':
      return warn(
        `back in the queue: attempt ${event.data.attempt} was ${event.data.because}: ${event.data.message}`,
      )
    case 'request.completed': {
      const {
        input_tokens: input,
        output_tokens: output,
        estimated,
        cost_nano_usd: cost,
        duration_ms,
      } = event.data
      const tokens = `${input} + ${output} tokens${estimated ? ' (estimated)' : ''}`
      return info(`completed  by ${event.llm}, ${tokens}, $${usd(cost)}, ${seconds(duration_ms)}`)
    }
    case 'request.failed':
      return warn(`failed     ${event.data.status} ${event.data.code}: ${event.data.message}`)
    case 'request.rejected':
      return warn(`refused    ${event.data.status} ${event.data.code}: ${event.data.message}`)
    case 'request.expired':
      return warn(`expired    after ${seconds(event.data.wait_ms)} of waiting for ${event.data.waited_for}`)
    case 'request.abandoned':
      return info(`abandoned  by its client while ${event.data.while}`)
    default:
      return narrateRest(event)
  }
}

function narrateRest(event: Event): Line | null {
  switch (event.type) {
    case 'llm.exhausted': {
      const { limit, until } = event.data
      const ms = until === null ? 0 : until - event.at
      const back = until === null ? 'until a call ends' : `for ${seconds(ms)}`
      return { level: ms >= NEWS_MS ? 'info' : 'debug', text: `exhausted  ${limit} is used up ${back}` }
    }
    case 'llm.available': {
      const { after, ms } = event.data
      const news = after === 'cooling' || ms >= NEWS_MS
      const how = after === 'started' ? 'after the start' : `again, was ${after} for ${seconds(ms)}`
      return { level: news ? 'info' : 'debug', text: `available  ${how}` }
    }
    case 'llm.cooling': {
      const { because, message, until } = event.data
      return warn(`cooling    for ${seconds(until - event.at)}, ${because}: ${message}`)
    }
    case 'llm.disabled':
      return warn(`disabled   ${event.data.because}`)
    case 'llm.limit_learned':
      return info(`learned    ${event.data.limit}: ${event.data.because}${inForce(event.data)}`)
    case 'llm.crashed':
      return { level: 'error', text: `crashed    and was restarted: ${event.data.message}` }
    case 'attempt.started':
      return debug(
        `attempt ${event.data.attempt} answered ${event.data.status} after ${seconds(event.data.headers_ms)}`,
      )
    case 'attempt.failed':
      return debug(`attempt ${event.data.attempt} failed, ${event.data.class}: ${event.data.message}`)
    case 'log.resumed':
      return warn(
        `log        could not be written for ${seconds(event.data.failing_ms)}, ${event.data.dropped} events are lost`,
      )
    case 'process.stopping':
      return info(
        `stopping   (${event.data.reason}); requests under way have ${seconds(event.data.drain_ms)} to finish`,
      )
    default:
      return null
  }
}

/** The scores, and why the others were passed over; what is switched off is not worth a word each time. */
function reasonOf(candidates: readonly Candidate[]): string {
  const part = (candidate: Candidate) =>
    'score' in candidate
      ? `${candidate.llm} scores ${candidate.score}`
      : `${candidate.llm}: ${candidate.excluded}`
  const shown = candidates.filter(
    (candidate) => 'score' in candidate || !candidate.excluded.startsWith('disabled'),
  )
  return shown.map(part).join('; ')
}

function inForce({ in_force: now, declared }: LimitLesson): string {
  if (now == null) return ''
  const window = now.window === undefined ? '' : ` as a ${now.window} window`
  return `; in force: ${now.amount} per ${seconds(now.per_ms)}${window}, declared: ${declared}`
}

/** `250 ms`, `12.3 s`. */
export function seconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** An amount in USD with all digits that matter, without a sign. */
export function usd(nano: number): string {
  return (nano / 1e9).toFixed(6)
}

const info = (text: string): Line => ({ level: 'info', text })
const warn = (text: string): Line => ({ level: 'warn', text })
const debug = (text: string): Line => ({ level: 'debug', text })
