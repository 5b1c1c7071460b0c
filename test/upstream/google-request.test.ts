import { describe, expect, test } from 'vitest'
import { google } from '../../src/upstream/google.ts'
import { callOf, prepared, refusal, streamCall } from './call.ts'

const BASE = { baseUrl: 'https://google.test/v1beta', model: 'gemini-3-flash' }
const bodyOf = (body: object, spec: object = {}) => prepared(google, callOf(body, { ...BASE, ...spec })).body
const toolCall = (id: string, name: string, text: string, more: object = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: text },
  ...more,
})

test('the key goes into its own header and the model into the address', () => {
  const request = prepared(google, callOf({}, BASE))
  expect(request.url).toBe('https://google.test/v1beta/models/gemini-3-flash:generateContent')
  expect(request.headers).toMatchObject({ 'x-goog-api-key': 'secret' })
  expect(request.headers).not.toHaveProperty('authorization')
  expect(request.body).toEqual({
    contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
    generationConfig: {},
  })
})

test('a stream asks for server-sent events', () => {
  const call = streamCall()
  expect(prepared(google, { ...call, spec: { ...call.spec, ...BASE, model: 'tunedModels/x' } }).url).toBe(
    'https://google.test/v1beta/tunedModels/x:streamGenerateContent?alt=sse',
  )
})

describe('messages', () => {
  test('system and developer messages become one system instruction, equal roles one turn', () => {
    const messages = [
      { role: 'system', content: 'A' },
      { role: 'user', content: 'one' },
      { role: 'user', content: [{ type: 'text', text: 'two' }] },
      { role: 'assistant', content: '' },
      { role: 'developer', content: [{ type: 'text', text: 'B' }] },
      { role: 'assistant', content: 'three' },
    ]
    expect(bodyOf({ messages })).toMatchObject({
      systemInstruction: { parts: [{ text: 'A' }, { text: 'B' }] },
      contents: [
        { role: 'user', parts: [{ text: 'one' }, { text: 'two' }] },
        { role: 'model', parts: [{ text: 'three' }] },
      ],
    })
  })

  test('nothing but system messages becomes a turn of the user', () => {
    const body = bodyOf({ messages: [{ role: 'system', content: 'A' }] })
    expect(body.contents).toEqual([{ role: 'user', parts: [{ text: 'A' }] }])
    expect(body).not.toHaveProperty('systemInstruction')
  })

  test('Gemma gets the system message with the first turn', () => {
    const messages = [
      { role: 'system', content: 'A' },
      { role: 'user', content: 'B' },
    ]
    expect(bodyOf({ messages }, { model: 'gemma-3-27b-it' }).contents).toEqual([
      { role: 'user', parts: [{ text: 'A' }, { text: 'B' }] },
    ])
  })

  test('media goes inline or by address', () => {
    const content = [
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      { type: 'image_url', image_url: { url: 'https://a.test/b.jpg' } },
      { type: 'input_audio', input_audio: { data: 'BBBB', format: 'mp3' } },
      { type: 'file', file: { file_data: 'data:application/pdf;base64,CCCC' } },
      { type: 'file', file: { file_data: 'DDDD', filename: 'notes.TXT' } },
    ]
    expect(bodyOf({ messages: [{ role: 'user', content }] }).contents[0].parts).toEqual([
      { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
      { fileData: { fileUri: 'https://a.test/b.jpg' } },
      { inlineData: { mimeType: 'audio/mp3', data: 'BBBB' } },
      { inlineData: { mimeType: 'application/pdf', data: 'CCCC' } },
      { inlineData: { mimeType: 'text/plain', data: 'DDDD' } },
    ])
  })

  test.each([
    [
      [{ type: 'file', file: { file_id: 'f' } }],
      'Google needs file_data: a file_id is known to its own provider only.',
    ],
    [
      [{ type: 'image_url', image_url: { url: 'file:///a' } }],
      'Google takes media as base64 data URLs or https addresses only.',
    ],
    [[{ type: 'hologram' }], 'Google takes no content of type hologram.'],
    ['', 'The messages are empty.'],
  ])('content %j is refused', (content, reason) => {
    expect(refusal(google, callOf({ messages: [{ role: 'user', content }] }, BASE))).toBe(
      `bad_request: ${reason}`,
    )
  })
})

describe('tool calls of earlier turns', () => {
  const signed = { extra_content: { google: { thought_signature: 'SIG' } } }
  const messages = (first: object) => [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [toolCall('a', 'f', '{"x":1}', first), toolCall('b', 'g', '')],
    },
    { role: 'tool', tool_call_id: 'a', content: '{"ok":true}' },
    { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: '42' }] },
  ]

  test('are answered by name, all results of a step in one turn', () => {
    const { contents } = bodyOf({ messages: messages(signed) })
    expect(contents.slice(1)).toEqual([
      {
        role: 'model',
        parts: [
          { functionCall: { id: 'a', name: 'f', args: { x: 1 } }, thoughtSignature: 'SIG' },
          { functionCall: { id: 'b', name: 'g', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'a', name: 'f', response: { ok: true } } },
          { functionResponse: { id: 'b', name: 'g', response: { output: '42' } } },
        ],
      },
    ])
  })

  test('get a stand-in on the first call when nobody signed them, from Gemini 3 on', () => {
    const signatures = (model: string) =>
      bodyOf({ messages: messages({}) }, { model }).contents[1].parts.map((part: object) =>
        'thoughtSignature' in part ? part.thoughtSignature : null,
      )
    expect(signatures('gemini-3-pro')).toEqual(['skip_thought_signature_validator', null])
    expect(signatures('gemini-2.5-pro')).toEqual([null, null])
  })

  test('must exist for a tool message', () => {
    const orphan = [{ role: 'tool', tool_call_id: 'x', content: '1' }]
    expect(refusal(google, callOf({ messages: orphan }, BASE))).toBe(
      'bad_request: A tool message answers no tool call of this conversation.',
    )
  })
})

describe('tools', () => {
  const parameters = {
    type: 'object',
    properties: { a: { type: ['string', 'null'] } },
    additionalProperties: false,
  }
  const tools = [
    { type: 'function', function: { name: 'f', description: 'does', parameters, strict: true } },
    { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } },
  ]

  test('are declared with their JSON schema, without one when it is empty', () => {
    expect(bodyOf({ tools }).tools).toEqual([
      {
        functionDeclarations: [
          { name: 'f', description: 'does', parametersJsonSchema: parameters },
          { name: 'g' },
        ],
      },
    ])
  })

  test.each([
    ['none', { mode: 'NONE' }],
    ['auto', { mode: 'AUTO' }],
    ['required', { mode: 'ANY' }],
    [
      { type: 'function', function: { name: 'f' } },
      { mode: 'ANY', allowedFunctionNames: ['f'] },
    ],
    [
      {
        type: 'allowed_tools',
        allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'g' } }] },
      },
      { mode: 'VALIDATED', allowedFunctionNames: ['g'] },
    ],
  ])('tool_choice %j', (tool_choice, functionCallingConfig) => {
    expect(bodyOf({ tools, tool_choice }).toolConfig).toEqual({ functionCallingConfig })
    expect(bodyOf({ tool_choice })).not.toHaveProperty('toolConfig')
  })

  test('of another type are refused', () => {
    expect(refusal(google, callOf({ tools: [{ type: 'custom', custom: { name: 'c' } }] }, BASE))).toBe(
      'bad_request: Google takes tools of type function only.',
    )
  })
})

describe('generation', () => {
  test('settings get Google names and unknown ones are left out', () => {
    const body = {
      max_tokens: 5,
      max_completion_tokens: 10,
      temperature: 0.5,
      top_p: 0.9,
      seed: 1,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      stop: ['a', '', 'b'],
      n: 2,
      user: 'u',
      logit_bias: {},
      store: true,
      service_tier: 'flex',
    }
    expect(bodyOf(body)).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
      serviceTier: 'flex',
      generationConfig: {
        maxOutputTokens: 10,
        temperature: 0.5,
        topP: 0.9,
        seed: 1,
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        stopSequences: ['a', 'b'],
        candidateCount: 2,
      },
    })
  })

  test('structured output', () => {
    const schema = { type: 'object', properties: {} }
    expect(bodyOf({ response_format: { type: 'json_object' } }).generationConfig).toEqual({
      responseMimeType: 'application/json',
    })
    expect(
      bodyOf({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } })
        .generationConfig,
    ).toEqual({
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    })
    expect(bodyOf({ response_format: { type: 'text' } }).generationConfig).toEqual({})
  })

  test.each([
    ['gemini-3-pro', 'minimal', { thinkingLevel: 'LOW' }],
    ['gemini-3-pro', 'high', { thinkingLevel: 'HIGH' }],
    ['gemini-2.5-flash', 'none', { thinkingBudget: 0 }],
    ['gemini-2.5-pro', 'none', { thinkingBudget: 128 }],
    ['gemini-2.5-pro', 'medium', { thinkingBudget: 8192 }],
    ['gemini-2.0-flash', 'high', undefined],
    ['gemini-3-pro', '__proto__', undefined],
  ])('%s with effort %s', (model, reasoning_effort, thinkingConfig) => {
    expect(bodyOf({ reasoning_effort }, { model }).generationConfig.thinkingConfig).toEqual(thinkingConfig)
  })

  test('several choices are not streamed', () => {
    expect(refusal(google, streamCall({}, { n: 2 }))).toBe(
      'bad_request: Google streams one choice per request: n must be 1.',
    )
  })
})
