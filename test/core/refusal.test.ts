import { describe, expect, test } from 'vitest'
import * as refusal from '../../src/core/refusal.ts'
import { failureOf } from '../support/world.ts'

describe('a refusal says what to do:', () => {
  test('no such model', () => {
    expect(refusal.unknownModel('gpt-9', ['auto', 'Groq'])).toEqual({
      status: 404,
      code: 'model_not_found',
      message: 'The model "gpt-9" does not exist here. Known names: auto, Groq.',
      retryAfterMs: null,
    })
  })

  test('too large for every LLM', () => {
    const reasons = [
      { llm: 'A', excluded: 'context_length 10 is below the 20 tokens it needs' },
      { llm: 'B', excluded: 'does not take vision' },
    ]
    expect(refusal.fitsNowhere(reasons)).toEqual({
      status: 400,
      code: 'context_length_exceeded',
      message:
        'This request is too large for every LLM it may go to (A: context_length 10 is below the 20 tokens it needs; B: does not take vision). Shorten it, lower max_tokens, or ask for another model.',
      retryAfterMs: null,
    })
  })

  test('a mode that no LLM takes', () => {
    expect(refusal.fitsNowhere([{ llm: 'B', excluded: 'does not take vision' }])).toMatchObject({
      status: 400,
      code: 'unsupported_mode',
      message:
        'No LLM that this request may go to can take it (B: does not take vision). Ask for another model, or add an LLM with that mode.',
    })
  })

  test('a wait that is too long', () => {
    expect(refusal.waitTooLong(1000, 'requests_per_min of A', 31_000)).toEqual({
      status: 429,
      code: 'wait_too_long',
      message:
        'This request may wait for 1000 ms, but no LLM is expected to have room within 31000 ms; it would wait for requests_per_min of A. Send it again in 30000 ms, or allow a longer wait with the header x-llb-max-wait or queue.max_wait.',
      retryAfterMs: 30_000,
    })
    expect(refusal.waitTooLong(1000, 'its turn', 1200).retryAfterMs).toBe(1000)
  })

  test('no LLM that is enabled', () => {
    expect(
      refusal.noneEnabled([
        { llm: 'A', because: 'A_KEY is not set' },
        { llm: 'B', because: null },
      ]),
    ).toMatchObject({
      status: 503,
      code: 'no_llm_enabled',
      message: 'No LLM that could take this request is enabled (A: A_KEY is not set; B: disabled).',
    })
  })

  test('a full queue', () => {
    expect(refusal.queueFull('queue.max_requests is 5', 'tokens of A', 1234)).toEqual({
      status: 503,
      code: 'queue_full',
      message:
        'The queue is full (queue.max_requests is 5); requests wait for tokens of A. Send this one again later.',
      retryAfterMs: 1234,
    })
  })

  test('a wait that was too short', () => {
    expect(refusal.expired(5000, 'tokens of A', 700)).toEqual({
      status: 429,
      code: 'wait_expired',
      message:
        'No LLM had room within 5000 ms; the request waited for tokens of A. Send it again later, or allow a longer wait with the header x-llb-max-wait or queue.max_wait.',
      retryAfterMs: 700,
    })
  })

  test('the end of the process', () => {
    expect(refusal.draining()).toMatchObject({ status: 503, code: 'shutting_down', retryAfterMs: 5000 })
  })
})

describe('a request whose last attempt failed ends with', () => {
  const endOf = (failure: Parameters<typeof failureOf>[0], attempts = 1) =>
    refusal.failed(failureOf(failure, { message: 'no such field' }), 'A', attempts)

  test("the provider's own status where the request was wrong", () => {
    expect(endOf('bad_request')).toEqual({
      status: 400,
      code: 'upstream_rejected',
      message: 'A answered 400: no such field',
      retryAfterMs: null,
    })
    expect(endOf('too_large')).toMatchObject({ status: 413, code: 'context_length_exceeded' })
  })

  test('504 after a timeout, and 502 after anything else', () => {
    expect(endOf('timeout', 3)).toMatchObject({
      status: 504,
      code: 'upstream_timeout',
      message: 'No answer in time after 3 attempts; A: no such field',
    })
    expect(endOf('server_error')).toMatchObject({
      status: 502,
      code: 'upstream_failed',
      message: 'No answer after 1 attempt; A answered 500: no such field',
    })
  })
})
