import { redact } from '../../../src/config/redact.ts'
import { parseConfig } from '../../../src/config/load.ts'
import type { Event, EventOf } from '../../../src/core/events.ts'
import { DAY_MS } from '../../../src/core/time.ts'
import { simulate } from '../../../src/sim/simulate.ts'
import { parseWorkload } from '../../../src/sim/workload.ts'

/** Four LLMs with limits of all usual kinds. */
const CONFIG = `
llms:
  - { name: A, api_type: openai, model: a, api_key_name: KEY, context_length: 131072, quality: 0.9, cost_input: 1,
      cost_output: 4, requests_per_min: 120, tokens_per_min: 400000 }
  - { name: B, api_type: groq, model: b, api_key_name: KEY, context_length: 131072, quality: 0.8, requests_per_min: 30,
      tokens_per_min: 60000, requests_per_day: 14400, tokens_per_day: 20000000, max_concurrency: 8 }
  - { name: C, api_type: google, model: c, api_key_name: KEY, context_length: 1048576, quality: 0.8,
      requests_per_min: 15, requests_per_day: 5000 }
  - { name: D, api_type: ollama, model: d, context_length: 8192, quality: 0.4, max_concurrency: 4 }
`

/** Tens of thousands of requests, most of them in office hours, and a nightly batch. */
const WORKLOAD = `
sources:
  - { client: people, pattern: profile, leave_share: 0.02, per_hour: [50, 50, 50, 50, 50, 100, 300, 1200, 4000, 6000,
      6000, 5000, 2500, 4500, 6000, 5500, 4000, 2000, 800, 400, 300, 200, 100, 50] }
  - { client: nightly, pattern: burst, requests: 400, at: 2h, every: 24h, stream: false, max_wait: 6h }
`

/** Ends early enough that the last request has ended by midnight. */
const DAY_ENDS_MS = DAY_MS - 900_000

export type Start = EventOf<'process.started'>

/** What a process records in a day, its start first. `share` is that of the day which is simulated. */
export function simulatedDay(share = 1): Event[] {
  const parsed = parseConfig(CONFIG, 'bench.yaml')
  const workload = parseWorkload(WORKLOAD, 'bench.yaml')
  if (!parsed.ok || !workload.ok) throw new Error('the bench is not configured well')
  const { config } = parsed
  const events: Event[] = []
  const forMs = Math.round(DAY_ENDS_MS * share)
  simulate({ config, workload: workload.workload, seed: 1, forMs, event: (event) => void events.push(event) })
  const start = events[0] as Start
  return [
    { ...start, data: { ...start.data, config: redact(config), config_hash: 'bench' } },
    ...events.slice(1),
  ]
}

/** The events of a day as those of a later one, `days` on, after `seq` others. */
export function* repeated(day: readonly Event[], days: number, seq: number): Generator<Event> {
  const ms = days * DAY_MS
  const ids = new Map<string, string>()
  for (const event of day) {
    const at = event.at + ms
    yield {
      ...event,
      seq: event.seq + seq,
      at,
      request: idLater(ids, event, seq),
      data: dataLater(event, ms),
    } as Event
  }
}

/** The id of a request ends in the number of its first event. */
function idLater(ids: Map<string, string>, { request, type }: Event, seq: number): string | null {
  if (request === null) return null
  if (type !== 'request.received') return ids.get(request)!
  const cut = request.lastIndexOf('_') + 1
  const id = `${request.slice(0, cut)}${(Number.parseInt(request.slice(cut), 36) + seq).toString(36)}`
  ids.set(request, id)
  return id
}

function dataLater({ type, data }: Event, ms: number): Event['data'] {
  if (type === 'process.started') return { ...data, recovered_at: data.recovered_at! + ms }
  if (!('until' in data) || data.until === null) return data
  return { ...data, until: data.until + ms }
}
