import { describe, expect, test } from 'vitest'
import type { EventData, EventType } from '../../src/core/events.ts'
import { narrate } from '../../src/log/narrate.ts'
import { event } from '../support/events.ts'
import { arrival } from '../support/llms.ts'
import { START } from '../support/virtual-clock.ts'
import { failureOf } from '../support/world.ts'

/** The line for an event at the start, and its level. */
function told<T extends EventType>(type: T, data: EventData[T], llm: string | null = null): string | null {
  const line = narrate(event(1, type, data, { at: START, request: 'req_1', llm }))
  return line === null ? null : `${line.level}: ${line.text}`
}

const scores = [
  { llm: 'A', score: 0.75, cost: 1, quality: 0.5, speed: 1 },
  { llm: 'B', excluded: 'concurrency has no room' },
  { llm: 'C', excluded: 'disabled: C_KEY is not set' },
]
const dispatched = (rest: Partial<EventData['request.dispatched']>) =>
  told(
    'request.dispatched',
    {
      attempt: 1,
      reserved: { input_tokens: 1, output_tokens: 1 },
      wait_ms: 0,
      waited_for: null,
      candidates: scores,
      ...rest,
    },
    'A',
  )

describe('a request is told of', () => {
  test('at its arrival', () => {
    expect(told('request.received', arrival({ model: 'fast', client: 'dev', input_tokens: 12 }))).toBe(
      'info: received   model "fast" from dev, about 12 tokens',
    )
    expect(told('request.received', arrival({ stream: true, priority: 'high' }))).toBe(
      'info: received   model "auto" from anybody, about 10 tokens, stream, high priority',
    )
  })

  test('when it waits, and when it goes to an LLM', () => {
    const queued = { position: 3, waiting_for: 'concurrency of A' }
    expect(told('request.queued', { ...queued, eta_ms: null })).toBe(
      'info: queued     at position 3, waits for concurrency of A',
    )
    expect(told('request.queued', { ...queued, eta_ms: 12_000 })).toBe(
      'info: queued     at position 3, waits for concurrency of A, about 12.0 s',
    )
    expect(dispatched({})).toBe('info: dispatched to A (A scores 0.75; B: concurrency has no room)')
    expect(dispatched({ attempt: 2, wait_ms: 1250, waited_for: 'concurrency of A' })).toBe(
      'info: dispatched to A after 1.3 s for concurrency of A, attempt 2 (A scores 0.75; B: concurrency has no room)',
    )
  })

  test('at each of its ends', () => {
    const completed = { attempts: 1, input_tokens: 10, output_tokens: 5, estimated: false, wait_ms: 0 }
    expect(told('request.completed', { ...completed, cost_nano_usd: 1500, duration_ms: 420 }, 'A')).toBe(
      'info: completed  by A, 10 + 5 tokens, $0.000002, 420 ms',
    )
    expect(
      told(
        'request.completed',
        { ...completed, estimated: true, cost_nano_usd: 0, duration_ms: 61_000 },
        'A',
      ),
    ).toBe('info: completed  by A, 10 + 5 tokens (estimated), $0.000000, 61.0 s')
    const failed = { attempts: 2, status: 502, code: 'upstream_failed', message: 'No.', wait_ms: 0 }
    expect(told('request.failed', { ...failed, cost_nano_usd: 0 })).toBe(
      'warn: failed     502 upstream_failed: No.',
    )
    expect(
      told('request.rejected', { status: 503, code: 'queue_full', message: 'Full.', retry_after_ms: 1 }),
    ).toBe('warn: refused    503 queue_full: Full.')
    expect(told('request.expired', { wait_ms: 5000, waited_for: 'tokens of A', retry_after_ms: null })).toBe(
      'warn: expired    after 5.0 s of waiting for tokens of A',
    )
    expect(told('request.abandoned', { while: 'queued' })).toBe('info: abandoned  by its client while queued')
    expect(told('request.retried', { attempt: 1, because: 'timeout', message: 'too slow' })).toBe(
      'warn: back in the queue: attempt 1 was timeout: too slow',
    )
  })
})

describe('an LLM is told of', () => {
  test('with the length of its pause, and as news only when that is a second or more', () => {
    const until = (ms: number | null) => ({ limit: 'tokens', until: ms === null ? null : START + ms })
    expect(told('llm.exhausted', until(999))).toBe('debug: exhausted  tokens is used up for 999 ms')
    expect(told('llm.exhausted', until(1000))).toBe('info: exhausted  tokens is used up for 1.0 s')
    expect(told('llm.exhausted', until(null))).toBe('debug: exhausted  tokens is used up until a call ends')
    expect(told('llm.available', { after: 'exhausted', ms: 20 })).toBe(
      'debug: available  again, was exhausted for 20 ms',
    )
    expect(told('llm.available', { after: 'cooling', ms: 20 })).toBe(
      'info: available  again, was cooling for 20 ms',
    )
    expect(told('llm.available', { after: 'started', ms: 0 })).toBe('debug: available  after the start')
  })

  test('with what its provider said', () => {
    expect(told('llm.cooling', { because: 'overloaded', message: 'busy', until: START + 2000 })).toBe(
      'warn: cooling    for 2.0 s, overloaded: busy',
    )
    expect(told('llm.disabled', { because: 'A_KEY is not set' })).toBe('warn: disabled   A_KEY is not set')
    expect(
      told('llm.limit_learned', {
        ...{ limit: 'tokens', cause: 'remaining', because: 'remaining is lower' },
        ...{ declared: 100, in_force: null, amount: 5, until: null },
      }),
    ).toBe('info: learned    tokens: remaining is lower')
    expect(
      told('llm.limit_learned', {
        ...{ limit: 'tokens', cause: 'refused', because: 'refused with 90 of 100 tokens used' },
        ...{ declared: 100, in_force: { amount: 90, per_ms: 60_000 }, amount: null, until: null },
      }),
    ).toBe(
      'info: learned    tokens: refused with 90 of 100 tokens used; in force: 90 per 60.0 s, declared: 100',
    )
    expect(
      told('llm.limit_learned', {
        ...{ limit: 'tokens', cause: 'window_header', because: '12 headers tell of a bucket', declared: 100 },
        in_force: { amount: 100, per_ms: 60_000, window: 'bucket', phase_ms: null, guard_ms: 500 },
        ...{ amount: null, until: null },
      }),
    ).toBe(
      'info: learned    tokens: 12 headers tell of a bucket; in force: 100 per 60.0 s as a bucket window, declared: 100',
    )
    expect(told('llm.crashed', { message: 'a bug' })).toBe('error: crashed    and was restarted: a bug')
  })
})

test('attempts are for those who look closely, and timers for nobody', () => {
  expect(told('attempt.failed', failureOf('timeout', { attempt: 2 }))).toBe(
    'debug: attempt 2 failed, timeout: no',
  )
  expect(told('attempt.started', { attempt: 1, status: 200, headers_ms: 80, limits: [] })).toBe(
    'debug: attempt 1 answered 200 after 80 ms',
  )
  expect(told('process.stopping', { reason: 'SIGTERM', drain_ms: 30_000 })).toBe(
    'info: stopping   (SIGTERM); requests under way have 30.0 s to finish',
  )
  expect(told('timer.fired', { timer: 1 })).toBeNull()
})
