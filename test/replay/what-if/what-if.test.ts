import { describe, expect, test } from 'vitest'
import { checkpointOf } from '../../../src/core/checkpoint.ts'
import { createFold } from '../../../src/core/fold.ts'
import type { Event, EventOf } from '../../../src/core/events.ts'
import { MINUTE_MS } from '../../../src/core/time.ts'
import { controlOf, type WhatIf, WhatIfError, whatIf } from '../../../src/replay/what-if/what-if.ts'
import { logOf } from '../../support/log-of.ts'
import { simulatedLog, written } from '../simulated.ts'

const FREE = `
  - name: Free
    api_type: groq
    model: m
    api_key_name: A_KEY
    context_length: 8000
    quality: 0.5
    limits: [{ unit: requests, amount: 10, per: 1m, window: sliding }]`
const PAID = `
  - { name: Paid, api_type: openai, model: p, api_key_name: B_KEY, context_length: 8000, quality: 0.9, cost_output: 10, requests_per_min: 15 }`
const CONFIG = `
general: { optimization_weights: { cost: 0, quality: 0.5, speed: 0.5 } }
queue: { early_refusal: off, max_wait: 10m }
llms:${FREE}
`
const WITH_PAID = CONFIG.trimEnd() + PAID
const TWO_KEYS = CONFIG.replace('api_key_name: A_KEY', 'api_key_names: [A_KEY, C_KEY]')
const BURST = `
for: 1m
llms: { Free: { first_byte: 100ms, tokens_per_second: 1000 } }
sources: [{ pattern: burst, requests: 40, input_tokens: 100, output_tokens: 50, max_tokens: 50 }]
`
const DAY = `
for: 20m
llms: { Free: { first_byte: 100ms, tokens_per_second: 100 } }
sources:
  - { pattern: random, per_hour: 660, leave_share: 0.1, leave_after: 5s, max_wait: 20s }
  - { pattern: burst, requests: 20, at: 5m, every: 5m, stream: false, client: batch, max_wait: 1h }
`
const burst = simulatedLog(CONFIG, BURST)
const day = simulatedLog(CONFIG, DAY)

function compared(events: readonly Event[], config: string, rest: object = {}): WhatIf {
  return whatIf({ log: logOf(events), config: written(config), ...rest })
}

const answeredBy = ({ other }: WhatIf) => other.llms.map(({ llm, requests }) => [llm, requests])

describe('a burst of 40 at ten a minute', () => {
  test('waits for one window instead of three with a second key', () => {
    const { recorded, other, changes, provenance } = compared(burst, TWO_KEYS)
    expect(recorded.wait).toEqual({ p50_ms: 60_505, p95_ms: 181_505, p99_ms: 181_505 })
    expect(other.wait.p99_ms).toBeLessThan(recorded.wait.p99_ms / 2)
    expect(other.llms.map(({ llm, requests, share }) => [llm, requests, share])).toEqual([
      ['Free#1', 20, 0.5],
      ['Free#2', 20, 0.5],
    ])
    expect(recorded.llms[0]!.bound[0]!.ms).toBeGreaterThan(2 * other.llms[0]!.bound[0]!.ms)
    // Either key is the same LLM to whoever asked, and as fast.
    expect(changes).toEqual([])
    expect(provenance).toMatchObject({ recorded: 40, measured: 0, configured: 0, assumed: 0, refused: 0 })
  })

  test('is shared with an LLM that the log does not know, for which all but the length is assumed', () => {
    const { other, provenance, changes } = compared(burst, WITH_PAID)
    const paid = other.llms.find(({ llm }) => llm === 'Paid')!.requests
    expect(paid).toBeGreaterThan(0)
    expect(paid).toBeLessThan(40)
    expect(provenance).toMatchObject({ recorded: 40 - paid, assumed: paid, lengths_recorded: 40 })
    expect(other.cost_usd).toBeCloseTo((paid * 50 * 10) / 1e6)
    expect(other.quality).toBeCloseTo((paid * 0.9 + (40 - paid) * 0.5) / 40)
    expect(changes).toHaveLength(paid)
    expect(changes[0]).toMatchObject({ client: 'anybody', from: 'answered by Free', to: 'answered by Paid' })
  })

  test('expires under a shorter longest wait, which no client had asked for itself', () => {
    const { other, changes } = compared(burst, CONFIG.replace('max_wait: 10m', 'max_wait: 1m'))
    expect(other).toMatchObject({ completed: 10, expired: 30 })
    expect(changes.map(({ to }) => to)).toEqual(new Array(30).fill('expired'))
  })

  test('is refused where no LLM has the name that was asked for', () => {
    const named = CONFIG.replace('name: Free', 'name: Other').replace('model: m', 'model: n')
    const asked = burst.map((event) =>
      event.type === 'request.received' ? { ...event, data: { ...event.data, model: 'Free' } } : event,
    )
    const { other } = compared(asked, named)
    expect(other).toMatchObject({ completed: 0, rejected: 40, quality: null })
  })
})

describe('under the same configuration', () => {
  test('nothing changes', () => {
    const { other, recorded, changes, parted_after } = compared(day, CONFIG)
    expect(other).toEqual(recorded)
    expect({ changes, parted_after }).toEqual({ changes: [], parted_after: null })
  })

  test('the simulated world comes to the same without being told a single recorded instant', () => {
    const { other, recorded, parted_after } = compared(day, CONFIG, { followTo: 0 })
    expect(parted_after).not.toBeNull()
    expect(recorded.abandoned).toBeGreaterThan(0)
    expect(recorded.expired).toBeGreaterThan(0)
    expect(other).toEqual(recorded)
  })

  test('scores, prices and qualities that lead to no other choice part nothing', () => {
    const { other, recorded, parted_after } = compared(
      day,
      CONFIG.replace('    quality: 0.5', '    quality: 0.7'),
    )
    expect(parted_after).toBeNull()
    expect([recorded.quality, other.quality]).toEqual([0.5, 0.7])
  })
})

describe('a control', () => {
  const options = { log: logOf(day), config: written(TWO_KEYS) }

  test('tells what of a comparison is due to the simulation: nothing, where the log is of a simulation', () => {
    const result = whatIf(options)
    const control = controlOf(options, result)!
    expect(result.changes.length).toBeGreaterThan(0)
    expect(control.parted_after).toEqual(result.parted_after)
    expect(control.other).toEqual(control.recorded)
  })

  test('begins where the comparison does, though it knows more of what was before', () => {
    const within = { ...options, from: day[0]!.at + 7 * MINUTE_MS }
    const result = whatIf(within)
    const control = controlOf(within, result)!
    expect(control.recorded.wait).toEqual(result.recorded.wait)
    expect(control.other).toEqual(control.recorded)
  })

  test('is not needed where nothing was simulated', () => {
    const same = { ...options, config: written(CONFIG) }
    expect(controlOf(same, whatIf(same))).toBeNull()
  })
})

describe('failures of the log', () => {
  const failing = withFailure(burst, { class: 'server_error', status: 500 })
  const refused = withFailure(burst, { class: 'rate_limited', status: 429 })

  test('come again at the same model, with whatever key', () => {
    expect(compared(failing, TWO_KEYS).other).toMatchObject({ completed: 39, failed: 1 })
  })

  test('come again for the same key alone where they are about its quota', () => {
    const other = CONFIG.replace('A_KEY', 'C_KEY')
    expect(compared(refused, CONFIG).other.rate_limited).toBe(1)
    expect(compared(refused, other).other.rate_limited).toBe(0)
  })
})

/** The last call of a log fails for good. Nothing but that stands behind it. */
function withFailure(events: readonly Event[], failure: { class: string; status: number }): Event[] {
  const last = events.findLast((event) => event.type === 'attempt.finished')!
  const { attempt, duration_ms } = last.data
  const data = { ...failure, attempt, duration_ms, message: 'no', retry_after_ms: null, limit: null }
  const failed = { ...last, type: 'attempt.failed', data: { ...data, delivered: true, limits: [] } }
  const end = { status: 502, code: 'failed', message: 'no', attempts: 1, cost_nano_usd: 0, wait_ms: 0 }
  const over = { ...events[last.seq]!, type: 'request.failed', data: end }
  return [...events.slice(0, last.seq - 1), failed, over, ...events.slice(last.seq + 1)] as Event[]
}

describe('a part of a log', () => {
  const start = day[0]!.at
  const daily = CONFIG.replace('per: 1m', 'per: 1d')

  test('counts the requests that came within it, in both worlds', () => {
    const [from, to] = [start + 5 * MINUTE_MS, start + 10 * MINUTE_MS]
    const came = day.filter(({ type, at }) => type === 'request.received' && at >= from && at < to)
    const result = compared(day, TWO_KEYS, { from, to })
    expect([result.recorded.requests, result.other.requests]).toEqual([came.length, came.length])
    expect(result.from_within).toBe(true)
    expect(result.from).toBe(came[0]!.at)
  })

  test('is the recorded one under the same configuration, from wherever it begins', () => {
    const from = start + 7 * MINUTE_MS
    const result = compared(day, CONFIG, { from, to: from + MINUTE_MS })
    expect(result.recorded.requests).toBeGreaterThan(5)
    expect(result.other).toEqual(result.recorded)
    expect(result.parted_after).toBeNull()
  })

  test('begins with what was used before, under the new limits', () => {
    const used = compared(day, daily, { from: start + 5 * MINUTE_MS }).other
    const fresh = compared(day, daily).other
    expect(fresh.completed).toBeGreaterThan(5)
    expect(used.completed).toBe(0)
  })

  test('begins with what a checkpoint knows of its process where the log has lost the start', () => {
    const { seq, at, data } = day[0] as EventOf<'process.started'>
    const kept = day.filter((event) => event.at >= start + 5 * MINUTE_MS)
    const standing = { status: 'disabled', because: 'there is no A_KEY', cause: null, until: null } as const
    const state = { ...checkpointOf(createFold(written(CONFIG).llms), at) }
    const llms = state.llms.map((llm) => ({ ...llm, standing }))
    const checkpoint = { seq, at, configHash: data.config_hash, config: data.config, state }
    const log = { ...logOf(kept), lastCheckpoint: () => checkpoint }
    const result = whatIf({ log, config: written(TWO_KEYS) })
    expect(result).toMatchObject({ from_within: true, configurations: 1 })
    expect(result.other.completed).toBeGreaterThan(50)
    const keyless = { ...log, lastCheckpoint: () => ({ ...checkpoint, state: { ...state, llms } }) }
    const [first, second] = whatIf({ log: keyless, config: written(TWO_KEYS) }).other.llms
    expect(first).toMatchObject({ llm: 'Free#1', requests: 0 })
    expect(second!.requests).toBeGreaterThan(50)
  })

  test('that is empty, or has no request, is said to be so', () => {
    expect(() => compared(day, CONFIG, { from: start + 90 * MINUTE_MS })).toThrow(
      new WhatIfError('The event log has no events in this span.'),
    )
    expect(() => compared(day.slice(0, 2), CONFIG)).toThrow(WhatIfError)
    expect(() => compared([], CONFIG)).toThrow(WhatIfError)
    expect(() => compared(day.slice(4), CONFIG)).toThrow('does not hold the start of any process')
  })
})

describe('several processes', () => {
  const first = simulatedLog(CONFIG, BURST)
  const second = simulatedLog(TWO_KEYS, BURST)
  const shift = first.at(-1)!
  const laterMs = shift.at - second[0]!.at + MINUTE_MS
  const both = [
    ...first,
    ...second.map((event) => ({
      ...event,
      seq: event.seq + shift.seq,
      at: event.at + laterMs,
      request: event.request && `later_${event.request}`,
      ...(event.type === 'process.started' && {
        data: { ...event.data, recovered_at: event.data.recovered_at! + laterMs },
      }),
    })),
  ] as Event[]

  test('of different configurations are all run under the other one', () => {
    const result = compared(both, TWO_KEYS)
    expect(result).toMatchObject({ processes: 2, configurations: 2 })
    expect(result.recorded.requests).toBe(80)
    expect(answeredBy(result)).toEqual([
      ['Free#1', 40],
      ['Free#2', 40],
    ])
  })

  test('follow the log up to the first that decides otherwise', () => {
    const { parted_after } = compared(both, CONFIG)
    expect(parted_after!.seq).toBeGreaterThanOrEqual(shift.seq)
  })
})

test('an LLM that had no key where the log was written has none in the other world', () => {
  const [started, ...rest] = burst as [EventOf<'process.started'>, ...Event[]]
  const disabled = [{ llm: 'Free', because: 'there is no A_KEY' }]
  const log = [{ ...started, data: { ...started.data, disabled } }, ...rest]
  expect(answeredBy(compared(log, WITH_PAID))).toEqual([
    ['Free', 0],
    ['Paid', 40],
  ])
})
