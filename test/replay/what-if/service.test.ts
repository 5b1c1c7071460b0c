import { describe, expect, test } from 'vitest'
import type { FailureClass } from '../../../src/core/events.ts'
import type { LlmSpec } from '../../../src/core/types.ts'
import type { Outcome, RecordedAttempt, RecordedRequest } from '../../../src/replay/what-if/recorded.ts'
import { createServices } from '../../../src/replay/what-if/service.ts'
import { llm } from '../../support/llms.ts'
import { failureOf } from '../../support/world.ts'

const known = llm('Known', { model: 'm', keyName: 'A_KEY' })
const otherKey = { ...known, name: 'Known#2', keyName: 'B_KEY' }
const unknown = llm('Unknown', { model: 'n' })

function answer(tokens: number, firstByteMs: number, durationMs: number): Outcome {
  const usage = { input_tokens: 20, output_tokens: tokens, cached_tokens: 0 }
  const times = { first_byte_ms: firstByteMs, duration_ms: durationMs }
  const data = {
    attempt: 1,
    status: 200,
    limits: [],
    usage,
    finish_reason: 'stop',
    output_bytes: 0,
    ...times,
  }
  return { type: 'attempt.finished', data }
}
const failure = (name: FailureClass): Outcome => ({ type: 'attempt.failed', data: failureOf(name) })

function attempt(at: number, outcome: Outcome | null, endMs = 1000, spec: LlmSpec = known): RecordedAttempt {
  return { spec, at, headMs: 100, endMs, outcome, used: false }
}
function request(...attempts: RecordedAttempt[]): RecordedRequest {
  const answered = attempts.findLast(({ outcome }) => outcome?.type === 'attempt.finished')?.outcome
  const answerTokens = answered?.type === 'attempt.finished' ? answered.data.usage!.output_tokens : null
  const asked = { client: 'a', model: 'auto', stream: true, inputTokens: 10, boundTokens: null }
  return { at: 0, ...asked, attempts, answerTokens, ended: true }
}
function servicesOf(...requests: RecordedRequest[]) {
  return createServices(new Map(requests.map((one, i) => [`r${i}`, one])))
}

describe('the service of a call', () => {
  const fast = request(attempt(0, answer(100, 100, 1100)))
  const slow = request(attempt(0, answer(200, 300, 4300)))
  const median = request(attempt(0, answer(90, 200, 1200)))

  test('is the recorded one, once, whatever key the same model has', () => {
    const services = servicesOf(fast)
    expect(services.serviceOf(fast, otherKey, 50)).toMatchObject({
      headMs: 100,
      endMs: 1000,
      source: 'recorded',
    })
    expect(services.serviceOf(fast, otherKey, 60)).toMatchObject({ source: 'measured' })
  })

  test('is that of the median speed of its model where the log has no attempt, and as long as its answer was', () => {
    const elsewhere = request(attempt(0, answer(45, 10, 20), 20, unknown))
    const service = servicesOf(fast, slow, median, elsewhere).serviceOf(elsewhere, known, 50)
    expect(service).toMatchObject({
      headMs: 200,
      endMs: 200 + 500,
      source: 'measured',
      isLengthRecorded: true,
    })
    // Twice the estimate, as all prompts were counted.
    expect(service.outcome.data).toMatchObject({ usage: { input_tokens: 20, output_tokens: 45 } })
  })

  test('is of ordinary length and speed where the log knows neither', () => {
    const service = servicesOf(request()).serviceOf(request(), unknown, 0)
    expect(service).toMatchObject({ headMs: 600, endMs: 600 + (250 / 80) * 1000, source: 'assumed' })
    expect(service.isLengthRecorded).toBe(false)
  })

  test('lasts at least a little longer than it did where it was cut', () => {
    const cut = request(attempt(0, null, 9000))
    expect(servicesOf(cut, fast).serviceOf(cut, known, 0)).toMatchObject({ endMs: 9001, source: 'measured' })
  })

  test('ends when the configuration waits no longer for its first byte', () => {
    const hasty = { ...known, firstByteTimeoutMs: 50 }
    const service = servicesOf(fast).serviceOf(fast, hasty, 0)
    expect(service).toMatchObject({ endMs: 50, outcome: { data: { class: 'timeout' } } })
  })
})

describe('a failure of the log', () => {
  test('comes again, that of a quota with the same key alone', () => {
    const refused = request(attempt(0, failure('rate_limited')), attempt(2000, answer(10, 10, 20)))
    const services = servicesOf(refused)
    expect(services.serviceOf(refused, otherKey, 0).outcome.type).toBe('attempt.finished')
    expect(services.serviceOf(refused, known, 0)).toMatchObject({
      outcome: { data: { class: 'rate_limited' } },
    })
  })

  const down = [1000, 2000].map((at) => request(attempt(at, failure('server_error'))))
  const well = request(attempt(3000, answer(10, 10, 20)))
  const early = request(attempt(500, answer(10, 10, 20)))
  const another = request()

  test('and the next one mark a time in which all calls to the model fail', () => {
    const { serviceOf } = servicesOf(...down, well, early, another)
    const typeAt = (at: number) => serviceOf(another, otherKey, at).outcome.type
    expect([900, 1000, 1999, 2000].map(typeAt)).toEqual([
      'attempt.finished',
      'attempt.failed',
      'attempt.failed',
      'attempt.finished',
    ])
    expect(serviceOf(well, known, 1500).outcome.type).toBe('attempt.failed')
    expect(serviceOf(early, known, 500)).toMatchObject({
      source: 'recorded',
      outcome: { type: 'attempt.finished' },
    })
  })

  test('of a rejected key lasts until a call with it goes well', () => {
    const rejected = request(attempt(1000, failure('unauthorized')))
    const { serviceOf } = servicesOf(rejected, well, another)
    const typeAt = (at: number) => serviceOf(another, known, at).outcome.type
    expect([2999, 3000].map(typeAt)).toEqual(['attempt.failed', 'attempt.finished'])
    expect(serviceOf(another, otherKey, 2000).outcome.type).toBe('attempt.finished')
  })
})
