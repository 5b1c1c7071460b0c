import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { streamChunks, wholeText } from '../fakes/openai.ts'
import type { Body } from '../fakes/server.ts'
import { RUNTIMES } from './runtimes.ts'
import { say, startWorld, until, type World } from './world.ts'

/** Valid JSON that a parser and a printer would not give back as it was. */
const ODD_FIELDS =
  '"unicode": "\\u00e9\\ud83d\\ude00\\u2028 é😀", "slash": "\\/", "big": 12345678901234567890, "float": 1.0e+00, ' +
  '"zero": -0,\t"key": 1, "key": 2'
const ODD_WHOLE = `\n{ "id" : "x", ${ODD_FIELDS},\r\n "choices" : [ { "index":0, "message": {"role":"assistant",
  "content":"\\u0041 \\"usage\\": null [DONE]"}, "finish_reason" : "stop" } ], "usage": { "prompt_tokens": 3,
  "completion_tokens": 2, "total_tokens": 5 } }\n\n`

const ODD_EVENTS = [
  ': a comment before all\n\n',
  `data: {"id":"x",${ODD_FIELDS},"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n`,
  'event: message\r\nid: 7\r\ndata:{"choices":[{"index":0,"delta":{"content":"\\u0041é😀"}}]}\r\n\r\n',
  ': keep alive\r\n\r\n',
  'data: {"choices" : [ {"index":0,"delta":{"content":"\\"usage\\":null, data: [DONE]"}} ] }\n\n',
  'retry: 1000\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
]
const ODD_USAGE =
  'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\r\n\r\n'
const ODD_END = 'data: [DONE]\n\n: after the end\n\n'
const SSE = { 'content-type': 'text/event-stream' }

describe.each(RUNTIMES)('what an OpenAI-compatible server says, through %s', (runtime) => {
  let world: World<'only'>
  beforeAll(async () => {
    world = await startWorld({ runtime, llms: { only: {} } })
  })
  afterAll(() => world?.close())

  test.each([0, 1, 7, 1000])(
    'arrives byte for byte when it comes in pieces of %i bytes',
    async (dripBytes) => {
      world.fakes.only.options.dripBytes = dripBytes
      for (const body of bodies()) {
        const there = { ...body, model: 'only-model' }
        const whole = await world.ask(body)
        expect(whole.headers.get('content-type')).toBe('application/json')
        expect(await whole.text()).toBe(wholeText(there))
        for (const asked of [{}, { stream_options: { include_usage: false } }, usageWanted]) {
          const streamed = await world.ask({ ...body, stream: true, ...asked })
          expect(streamed.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
          expect(await streamed.text()).toBe(streamChunks({ ...there, stream: true, ...asked }).join(''))
        }
      }
      world.fakes.only.options.dripBytes = 0
    },
  )

  test.each([0, 3])('keeps unusual but valid JSON as it is, in pieces of %i bytes', async (dripBytes) => {
    world.fakes.only.options.dripBytes = dripBytes
    world.fakes.only.fail(answer(ODD_WHOLE, { 'content-type': 'application/json' }))
    const whole = await world.ask(say('only', 'x'))
    expect(await whole.text()).toBe(ODD_WHOLE)
    const sent = ODD_EVENTS.join('') + ODD_USAGE + ODD_END
    world.fakes.only.fail(answer(sent, SSE), 2)
    const asked = await world.ask(say('only', 'x', { stream: true, ...usageWanted }))
    expect(await asked.text()).toBe(sent)
    const unasked = await world.ask(say('only', 'x', { stream: true }))
    expect(await unasked.text()).toBe(ODD_EVENTS.join('') + ODD_END)
    world.fakes.only.options.dripBytes = 0
    const ended = await until(
      () => world.story(unasked.headers.get('x-request-id')).find(({ type }) => type === 'request.completed'),
      'the stream is completed in the log',
    )
    expect(ended.data).toMatchObject({ input_tokens: 3, output_tokens: 2, estimated: false })
  })

  test('passes an error about the request on as it is', async () => {
    const body =
      '{"error":{ "message":"\\u0041 wrong", "type":"invalid_request_error","param":"x","code":null}}\n'
    for (const status of [400, 422]) {
      for (const stream of [false, true]) {
        world.fakes.only.fail(answer(body, { 'content-type': 'application/json' }, status))
        const answered = await world.ask(say('only', 'x', { stream }))
        expect(answered.status).toBe(status)
        expect(await answered.text()).toBe(body)
        expect(answered.headers.get('x-should-retry')).toBe('false')
        expect(answered.headers.get('x-llb-llm')).toBe('only')
      }
    }
  })

  test('is told everything the client sent, with the model and nothing else changed', async () => {
    const more = {
      temperature: 0.1,
      seed: 7,
      logit_bias: { '50256': -100 },
      user: 'ü😀',
      x_future: [null, {}],
    }
    const body = say('only', [{ type: 'text', text: 'é\u2028\u0000' }], more)
    await (await world.ask(body)).text()
    const seen = world.fakes.only.requests.at(-1)!
    expect(seen.body).toEqual({ ...body, model: 'only-model' })
    await (await world.ask({ ...body, stream: true, stream_options: { include_obfuscation: false } })).text()
    expect(world.fakes.only.requests.at(-1)?.body).toEqual({
      ...body,
      model: 'only-model',
      stream: true,
      stream_options: { include_obfuscation: false, include_usage: true },
    })
  })

  test('hands no header of the client to the provider', async () => {
    const headers = { authorization: 'Bearer of-the-client', cookie: 'a=b', 'x-forwarded-for': '1.2.3.4' }
    await (await world.ask(say('only', 'x'), { headers })).text()
    const seen = world.fakes.only.requests.at(-1)!
    expect(seen.headers).not.toHaveProperty('authorization')
    expect(seen.headers).not.toHaveProperty('cookie')
    expect(seen.headers).not.toHaveProperty('x-forwarded-for')
  })
})

const usageWanted = { stream_options: { include_usage: true } }

function bodies(): Body[] {
  const tools = [{ type: 'function', function: { name: 'look_up', parameters: {} } }]
  return [
    say('only', 'How are you?'),
    say('only', '日本語 😀', { tools }),
    say('auto', 'x', { max_tokens: 2 }),
  ]
}

function answer(body: string, headers: Record<string, string>, status = 200) {
  return { kind: 'answer' as const, status, body, headers }
}
