import fc from 'fast-check'
import { expect, test } from 'vitest'
import { API_TYPES } from '../../src/core/types.ts'
import { adapterOf } from '../../src/upstream/adapters.ts'
import { callOf } from './call.ts'

/** JSON that is nearly a chat request: known names with values of any kind. */
const odd = fc.jsonValue({ maxDepth: 3 })
const near = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: value as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: odd })
const record = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  near(fc.record(fields, { requiredKeys: [] }))
const text = near(
  fc.constantFrom(
    '',
    'a',
    '{}',
    '{"a":1}',
    '[1]',
    'data:image/png;base64,AA',
    'data:x',
    'https://a.test/b',
    '__proto__',
  ),
)
const part = record({
  type: near(fc.constantFrom('text', 'image_url', 'video_url', 'input_audio', 'file', 'refusal')),
  text,
  image_url: record({ url: text }),
  video_url: text,
  input_audio: record({ data: text, format: text }),
  file: record({ file_data: text, file_id: text, filename: text }),
})
const toolCall = record({
  id: text,
  type: text,
  function: record({ name: text, arguments: text }),
  extra_content: record({ google: record({ thought_signature: text }) }),
})
const message = record({
  role: near(fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'function')),
  content: near(fc.oneof(text, fc.array(part))),
  name: text,
  tool_calls: near(fc.array(toolCall)),
  tool_call_id: text,
})
const body = fc.record(
  {
    messages: near(fc.array(message)),
    stream_options: odd,
    n: near(fc.nat(3)),
    stop: near(fc.array(text)),
    tools: near(fc.array(record({ type: text, function: record({ name: text, parameters: odd }) }))),
    tool_choice: near(fc.oneof(text, record({ function: record({ name: text }), allowed_tools: odd }))),
    response_format: record({ type: fc.constantFrom('json_object', 'json_schema'), json_schema: odd }),
    reasoning_effort: text,
    max_tokens: odd,
    temperature: odd,
  },
  { requiredKeys: [] },
)

test.each(API_TYPES)(
  '%s prepares or refuses any JSON a client may send, and leaves it unchanged',
  (apiType) => {
    fc.assert(
      fc.property(body, fc.boolean(), (fields, stream) => {
        const call = callOf(fields, { model: 'gemini-3-pro' }, { stream })
        const before = JSON.stringify(call.body)
        const result = adapterOf(apiType).prepare(call)
        if (result.ok) expect(typeof JSON.parse(result.value.body)).toBe('object')
        else expect(result.failure).toMatchObject({ class: 'bad_request', status: null })
        expect(JSON.stringify(call.body)).toBe(before)
      }),
      { numRuns: 300 },
    )
  },
)

test.each(API_TYPES)('%s neither overflows nor changes prototypes', (apiType) => {
  const adapter = adapterOf(apiType)
  const many = Array.from({ length: 200_000 }, () => ({ type: 'text', text: 'a' }))
  expect(adapter.prepare(callOf({ messages: [{ role: 'user', content: many }] })).ok).toBe(true)
  const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)
  const tools = [
    { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: deep } } },
  ]
  expect(() =>
    adapter.prepare(
      callOf({ tools, response_format: { type: 'json_schema', json_schema: { schema: deep } } }),
    ),
  ).not.toThrow()
  adapter.prepare(
    callOf(JSON.parse('{"__proto__":{"polluted":1},"stream_options":{"__proto__":{"polluted":1}}}')),
  )
  expect({}).not.toHaveProperty('polluted')
})
