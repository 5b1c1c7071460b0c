import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ollama } from '../../src/upstream/ollama.ts'
import { bytes, callOf, cut, eventsIn, prepared, refusal, relayed, streamCall } from './call.ts'

const BASE = { baseUrl: 'http://localhost:11434', model: 'llama3' }
const bodyOf = (body: object) => prepared(ollama, callOf(body, BASE)).body
const tool = (name: string) => ({ type: 'function', function: { name, parameters: { type: 'object' } } })

describe('a request', () => {
  test('always says whether it streams and how long the context is', () => {
    const request = prepared(ollama, callOf({}, BASE))
    expect(request.url).toBe('http://localhost:11434/api/chat')
    expect(request.body).toEqual({
      model: 'llama3',
      messages: [{ role: 'user', content: 'Hi' }],
      options: { num_ctx: 8192 },
      stream: false,
    })
    expect(prepared(ollama, streamCall()).body.stream).toBe(true)
  })

  test('to the cloud carries the key below a base URL that ends in /api', () => {
    const request = prepared(ollama, callOf({}, { baseUrl: 'https://ollama.test/api' }))
    expect(request.url).toBe('https://ollama.test/api/chat')
    expect(request.headers.authorization).toBe('Bearer secret')
  })

  test('puts its settings among the options', () => {
    const body = {
      max_tokens: 5,
      temperature: 0,
      top_p: 1,
      seed: 2,
      presence_penalty: 0,
      frequency_penalty: 1,
      stop: 'x',
    }
    expect(bodyOf(body).options).toEqual({
      num_ctx: 8192,
      num_predict: 5,
      temperature: 0,
      top_p: 1,
      seed: 2,
      presence_penalty: 0,
      frequency_penalty: 1,
      stop: ['x'],
    })
  })

  test('asks for formats and thinking', () => {
    const schema = { type: 'object' }
    expect(bodyOf({ response_format: { type: 'json_object' } }).format).toBe('json')
    expect(bodyOf({ response_format: { type: 'json_schema', json_schema: { schema } } }).format).toEqual(
      schema,
    )
    expect(bodyOf({ reasoning_effort: 'none' }).think).toBe(false)
    expect(bodyOf({ reasoning_effort: 'xhigh' }).think).toBe('max')
    expect(bodyOf({ reasoning_effort: 'constructor' })).not.toHaveProperty('think')
  })

  test('has texts, images and tool calls where Ollama wants them', () => {
    const messages = [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What' },
          { type: 'text', text: 'is it?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
        ],
      },
      {
        role: 'assistant',
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }],
      },
      { role: 'tool', tool_call_id: 'a', content: '42' },
    ]
    expect(bodyOf({ messages }).messages).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'What\nis it?', images: ['AAAA'] },
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'a', function: { name: 'f', arguments: { x: 1 } } }],
      },
      { role: 'tool', content: '42', tool_call_id: 'a', tool_name: 'f' },
    ])
  })

  test('offers only the tools that may be used', () => {
    const tools = [tool('f'), tool('g')]
    expect(bodyOf({ tools }).tools).toEqual(tools)
    expect(bodyOf({ tools, tool_choice: 'none' })).not.toHaveProperty('tools')
    expect(bodyOf({ tools, tool_choice: { type: 'function', function: { name: 'g' } } }).tools).toEqual([
      tool('g'),
    ])
  })

  test.each([
    [{ n: 2 }, 'Ollama gives one choice per request: n must be 1.'],
    [{ tools: [{ type: 'custom' }] }, 'Ollama takes tools of type function only.'],
    [
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://a.test/b.png' } }] },
        ],
      },
      'Ollama takes images as base64 data URLs only.',
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] },
      'Ollama takes no content of type input_audio.',
    ],
  ])('with %j is refused', (body, reason) => {
    expect(refusal(ollama, callOf(body, BASE))).toBe(`bad_request: ${reason}`)
  })
})

const END = {
  model: 'llama3',
  message: { role: 'assistant', content: '' },
  done: true,
  done_reason: 'stop',
  prompt_eval_count: 26,
  eval_count: 5,
}
const CALLS = [{ function: { name: 'f', arguments: { a: 1 } } }]

function answerTo(value: unknown) {
  const answer = ollama.answer(bytes(JSON.stringify(value)), callOf())
  return answer.ok ? { ...answer.value, body: JSON.parse(String(answer.value.body)) } : answer.failure
}

describe('a whole answer', () => {
  test('becomes a chat completion', () => {
    const message = { role: 'assistant', content: 'Hi', thinking: 'hm', tool_calls: CALLS }
    expect(answerTo({ ...END, message })).toMatchObject({
      usage: { input_tokens: 26, output_tokens: 5, cached_tokens: 0 },
      finishReason: 'tool_calls',
      body: {
        id: 'chatcmpl-req1',
        model: 'llama3',
        choices: [
          {
            finish_reason: 'tool_calls',
            message: {
              content: 'Hi',
              reasoning_content: 'hm',
              tool_calls: [{ id: 'call_req1_0', function: { name: 'f', arguments: '{"a":1}' } }],
            },
          },
        ],
        usage: { prompt_tokens: 26, completion_tokens: 5, total_tokens: 31 },
      },
    })
  })

  test('may leave out counts and the reason of its end', () => {
    const { prompt_eval_count: _, ...cached } = END
    expect(answerTo(cached)).toMatchObject({ usage: { input_tokens: 0, output_tokens: 5 } })
    expect(answerTo({ done: true })).toMatchObject({ usage: null, finishReason: 'stop' })
    expect(answerTo({ ...END, done_reason: 'length' })).toMatchObject({ finishReason: 'length' })
  })

  test('that is none is a failure', () => {
    expect(answerTo({ error: 'no' })).toMatchObject({ class: 'server_error', message: 'no' })
    expect(answerTo({ ...END, done: false })).toMatchObject({ class: 'invalid_answer' })
    expect(ollama.answer(bytes('<html>'), callOf())).toMatchObject({ failure: { class: 'invalid_answer' } })
  })
})

describe('a stream', () => {
  const LINES = [
    { model: 'llama3', message: { thinking: 'hm', content: '' }, done: false },
    { model: 'llama3', message: { content: 'Hé' }, done: false },
    { model: 'llama3', message: { content: '', tool_calls: CALLS }, done: false },
    END,
  ]
  const ndjson = (values: unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('')
  const relay = (text: string, call = {}) => relayed(ollama.openStream(streamCall(call)), [bytes(text)])

  test('becomes OpenAI chunks', () => {
    const { text, ...told } = relay(ndjson(LINES), { wantsUsage: true })
    expect(told).toEqual({
      usage: { input_tokens: 26, output_tokens: 5, cached_tokens: 0 },
      finishReason: 'tool_calls',
      failure: null,
    })
    expect(eventsIn(text)).toMatchObject([
      { choices: [{ delta: { role: 'assistant', content: '' } }] },
      { choices: [{ delta: { reasoning_content: 'hm' } }] },
      { choices: [{ delta: { content: 'Hé' } }] },
      { choices: [{ delta: { tool_calls: [{ index: 0, id: 'call_req1_0' }] } }] },
      { choices: [{ delta: {}, finish_reason: 'tool_calls' }] },
      { choices: [], usage: { total_tokens: 31 } },
      '[DONE]',
    ])
  })

  test('with a line that reports an error is a failure', () => {
    expect(relay(ndjson([LINES[1], { error: 'out of memory' }, LINES[2]]))).toMatchObject({
      failure: { class: 'server_error', message: 'out of memory' },
    })
  })

  test('that ends early was interrupted; the last line may lack its line feed', () => {
    expect(relay(ndjson(LINES.slice(0, 2))).failure?.class).toBe('interrupted')
    expect(relay(`${ndjson(LINES.slice(0, 2))}{"done":tr`).failure?.class).toBe('interrupted')
    expect(relay(ndjson(LINES).trimEnd()).failure).toBe(null)
  })

  test('is the same however the bytes are cut', () => {
    const whole = bytes(ndjson(LINES))
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 30 }), (places) => {
        expect(relayed(ollama.openStream(streamCall()), cut(whole, places))).toEqual(relay(ndjson(LINES)))
      }),
    )
  })
})

test('errors are texts, and there are no limit headers', () => {
  expect(
    ollama.classify(404, new Headers(), '{"error":"model \\"x\\" not found, try pulling it first"}', 0),
  ).toMatchObject({
    class: 'not_found',
    message: 'model "x" not found, try pulling it first',
  })
  expect(ollama.limits(new Headers({ 'x-ratelimit-limit-requests': '1' }), 0)).toEqual([])
})
