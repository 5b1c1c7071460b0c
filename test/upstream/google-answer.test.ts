import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { google } from '../../src/upstream/google.ts'
import { bytes, callOf, cut, eventsIn, relayed, streamCall } from './call.ts'

const USAGE = {
  promptTokenCount: 9,
  toolUsePromptTokenCount: 1,
  cachedContentTokenCount: 4,
  candidatesTokenCount: 3,
  thoughtsTokenCount: 40,
}
const CHARGED = { input_tokens: 10, output_tokens: 43, cached_tokens: 4 }
const response = (parts: object[], finishReason?: string, more: object = {}) => ({
  candidates: [{ index: 0, content: { role: 'model', parts }, ...(finishReason && { finishReason }) }],
  usageMetadata: USAGE,
  modelVersion: 'gemini-x',
  responseId: 'abc',
  ...more,
})
const CALL = { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'SIG' }

function answerTo(value: unknown, body: object = {}) {
  const answer = google.answer(bytes(JSON.stringify(value)), callOf(body))
  return answer.ok ? { ...answer.value, body: JSON.parse(String(answer.value.body)) } : answer.failure
}

describe('a whole answer', () => {
  test('becomes a chat completion', () => {
    const parts = [{ text: 'hm', thought: true }, { text: 'He' }, { text: 'llo', thoughtSignature: 'S' }]
    expect(answerTo(response(parts, 'STOP'))).toEqual({
      usage: CHARGED,
      finishReason: 'stop',
      body: {
        id: 'chatcmpl-abc',
        object: 'chat.completion',
        created: 1_790_000_000,
        model: 'gemini-x',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'Hello', refusal: null, reasoning_content: 'hm' },
            logprobs: null,
            finish_reason: 'stop',
          },
        ],
        usage: {
          prompt_tokens: 10,
          completion_tokens: 43,
          total_tokens: 53,
          prompt_tokens_details: { cached_tokens: 4 },
          completion_tokens_details: { reasoning_tokens: 40 },
        },
      },
    })
  })

  test('carries the tool calls with their signature', () => {
    const parts = [CALL, { functionCall: { id: 'own', name: 'g' } }]
    const message = {
      role: 'assistant',
      content: null,
      refusal: null,
      tool_calls: [
        {
          id: 'call_req1_0',
          type: 'function',
          function: { name: 'f', arguments: '{"a":1}' },
          extra_content: { google: { thought_signature: 'SIG' } },
        },
        { id: 'own', type: 'function', function: { name: 'g', arguments: '{}' } },
      ],
    }
    expect(answerTo(response(parts, 'STOP'))).toMatchObject({
      finishReason: 'tool_calls',
      body: { choices: [{ message }] },
    })
    const one = answerTo(response(parts, 'STOP'), { parallel_tool_calls: false })
    expect(one).toMatchObject({ body: { choices: [{ message: { tool_calls: [{ id: 'call_req1_0' }] } }] } })
  })

  test('can hold several choices and images', () => {
    const two = { ...response([{ text: 'a' }], 'STOP') }
    two.candidates.push({
      index: 1,
      content: { role: 'model', parts: [{ inlineData: { mimeType: 'image/png', data: 'AA' } }] },
    })
    expect(answerTo(two)).toMatchObject({
      body: {
        choices: [
          { index: 0 },
          { index: 1, message: { images: [{ image_url: { url: 'data:image/png;base64,AA' } }] } },
        ],
      },
    })
  })

  test.each([
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['IMAGE_SAFETY', 'content_filter'],
    ['A_REASON_OF_TOMORROW', 'stop'],
  ])('that ended with %s ends with %s', (reason, finishReason) => {
    expect(answerTo(response([{ text: 'a' }], reason))).toMatchObject({ finishReason })
  })

  test('to a blocked prompt is empty and filtered', () => {
    expect(answerTo({ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: USAGE })).toMatchObject({
      finishReason: 'content_filter',
      usage: CHARGED,
      body: { id: 'chatcmpl-req1', choices: [{ message: { content: '' } }] },
    })
  })

  test.each([
    [response([], 'MALFORMED_FUNCTION_CALL'), 'invalid_answer'],
    [response([{ text: 'a' }]), 'invalid_answer'],
    [{}, 'invalid_answer'],
    [[{ error: { code: 503, status: 'UNAVAILABLE', message: 'busy' } }], 'overloaded'],
    [null, 'invalid_answer'],
  ])('%j is a failure', (value, failureClass) => {
    expect(answerTo(value)).toMatchObject({ class: failureClass })
  })
})

describe('a stream', () => {
  const STREAM = [
    response([{ text: 'hm', thought: true }]),
    response([{ text: 'Hé' }]),
    response([CALL]),
    response([{ functionCall: { id: 'own', name: 'g', args: {} } }]),
    response([{ text: '', thoughtSignature: 'S' }], 'STOP'),
  ]
  const sse = (values: unknown[], end = '\r\n') =>
    values.map((value) => `data: ${JSON.stringify(value)}${end}${end}`).join('')
  const relay = (text: string, call = {}) => relayed(google.openStream(streamCall(call)), [bytes(text)])
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    id: 'chatcmpl-abc',
    object: 'chat.completion.chunk',
    created: 1_790_000_000,
    model: 'gemini-x',
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
  })

  test('becomes OpenAI chunks', () => {
    const { text, ...told } = relay(sse(STREAM))
    expect(told).toEqual({ usage: CHARGED, finishReason: 'tool_calls', failure: null })
    expect(eventsIn(text)).toEqual([
      chunk({ role: 'assistant', content: '' }),
      chunk({ reasoning_content: 'hm' }),
      chunk({ content: 'Hé' }),
      chunk({
        tool_calls: [
          {
            index: 0,
            id: 'call_req1_0',
            type: 'function',
            function: { name: 'f', arguments: '{"a":1}' },
            extra_content: { google: { thought_signature: 'SIG' } },
          },
        ],
      }),
      chunk({
        tool_calls: [{ index: 1, id: 'own', type: 'function', function: { name: 'g', arguments: '{}' } }],
      }),
      chunk({}, 'tool_calls'),
      '[DONE]',
    ])
  })

  test('tells its usage when the client wants it', () => {
    const events = eventsIn(relay(sse(STREAM), { wantsUsage: true }).text)
    expect(events.at(-2)).toMatchObject({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 43 } })
    expect(events[0]).toMatchObject({ usage: null })
  })

  test('that is malformed is a failure only while nothing was sent', () => {
    expect(relay(sse([response([], 'MALFORMED_FUNCTION_CALL')]))).toMatchObject({
      text: '',
      failure: { class: 'invalid_answer' },
    })
    const { text, failure } = relay(sse([response([{ text: 'a' }]), response([], 'OTHER')]))
    expect(failure).toBe(null)
    expect(eventsIn(text).at(-2)).toEqual(chunk({}, 'stop'))
  })

  test('that ends without a reason was interrupted', () => {
    const half = sse(STREAM.slice(0, 2))
    expect(relay(half).failure?.class).toBe('interrupted')
    expect(relay(`${half}data: {"cand`).failure?.class).toBe('interrupted')
    expect(relay(sse(STREAM.slice(0, 2))).text).not.toContain('[DONE]')
  })

  test('may report an error, or a blocked prompt', () => {
    const error = { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'Please retry in 3s.' } }
    expect(relay(sse([STREAM[1], error, STREAM[2]]))).toMatchObject({
      failure: { class: 'rate_limited', status: 429, retry_after_ms: 3000 },
    })
    expect(relay(sse([{ promptFeedback: { blockReason: 'OTHER' } }]))).toMatchObject({
      finishReason: 'content_filter',
      failure: null,
    })
    expect(relay('data: nonsense\n\n').failure?.class).toBe('invalid_answer')
  })

  test('is the same however the bytes are cut', () => {
    const offsets = fc.array(fc.nat(1500), { maxLength: 30 })
    fc.assert(
      fc.property(offsets, fc.constantFrom('\n', '\r\n', '\r'), (places, end) => {
        const whole = bytes(sse(STREAM, end))
        expect(relayed(google.openStream(streamCall()), cut(whole, places))).toEqual(relay(sse(STREAM)))
      }),
    )
  })
})
