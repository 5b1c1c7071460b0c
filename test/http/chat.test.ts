import { afterEach, describe, expect, test } from 'vitest'
import type { ErrorBody } from '../../src/http/errors.ts'
import { type Served, SIMULATED, serving } from '../support/gateway.ts'

const PATH = '/v1/chat/completions'
const HELLO = { model: 'auto', messages: [{ role: 'user', content: 'hello' }] }

let served: Served
afterEach(() => served.close())

async function given(yaml = '', env: Record<string, string> = {}): Promise<Served> {
  served = await serving(yaml, env)
  return served
}

const ask = (rest: object = {}, headers: Record<string, string> = {}) =>
  served.post(PATH, { ...HELLO, ...rest }, headers)

async function errorOf(response: Response): Promise<ErrorBody['error']> {
  return ((await response.json()) as ErrorBody).error
}

/** A refusal as `status code param: message`, and that it is one an SDK must not repeat. */
async function refusalOf(response: Response): Promise<string> {
  const { code, param, message } = await errorOf(response)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('x-should-retry')).toBe('false')
  return `${response.status} ${code}${param === null ? '' : ` ${param}`}: ${message}`
}

describe('a chat completion', () => {
  test('is answered, with what it went through in the headers', async () => {
    await given()
    const response = await ask({ max_tokens: 8 })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      usage: { completion_tokens: 8 },
    })
    const { headers } = response
    expect(headers.get('x-llb-llm')).toBe('Sim')
    expect(headers.get('x-llb-attempts')).toBe('1')
    expect(headers.get('x-llb-cost-usd')).toBe('0')
    expect(Number(headers.get('x-llb-queue-ms'))).toBeGreaterThanOrEqual(0)
    expect(headers.get('x-request-id')).toBe(served.events[0]!.request)
    expect(served.events.map(({ type }) => type)).toContain('request.completed')
    expect(served.gateway.listeners.size).toBe(0)
  })

  test('is streamed to its end', async () => {
    await given()
    const response = await ask({ stream: true })
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect((await response.text()).endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test('keeps an LLM that is simulated from `auto` while a real one can be reached', async () => {
    const real = 'name: Real, api_type: openai, model: m, api_key_name: KEY, context_length: 100'
    await given(`llms: [${SIMULATED}, { ${real}, base_url: "http://127.0.0.1:1/v1" }]`, { KEY: 'k' })
    const response = await ask({}, { 'x-llb-max-wait': '0' })
    const [dispatched] = served.events.filter(({ type }) => type === 'request.dispatched')
    expect(dispatched!.llm).toBe('Real')
    expect(response.headers.get('x-llb-llm')).toBe('Sim')
    expect(response.headers.get('x-llb-attempts')).toBe('2')
  })
})

describe('a body is refused that', () => {
  test.each<[string, string, RegExp]>([
    ['is no JSON', '{"model": ', /^400 invalid_json: The request body is not valid JSON: .+/],
    ['is empty', '', /^400 invalid_json: /],
    ['is a list', '[]', /^400 invalid_type body: "body" is an empty list; it must be a JSON object\.$/],
    ['is null', 'null', /^400 invalid_type body: "body" is null; /],
    ['has no model', '{}', /^400 invalid_type model: "model" is missing; it must be the name of a model\.$/],
    ['has no messages', '{"model":"auto","messages":[]}', /^400 invalid_type messages: .+ is an empty list/],
  ])('%s', async (_name, body, expected) => {
    await given()
    expect(await refusalOf(await served.post(PATH, body))).toMatch(expected)
    expect(served.events).toEqual([])
  })

  test.each<[object, string]>([
    [{ model: 7 }, 'model: "model" is 7; it must be the name of a model.'],
    [{ stream: 'yes' }, 'stream: "stream" is a string; it must be true or false.'],
    [{ max_tokens: 0 }, 'max_tokens: "max_tokens" is 0; it must be a whole number of at least 1.'],
    [{ max_completion_tokens: 1.5 }, 'max_completion_tokens: "max_completion_tokens" is 1.5; '],
    [{ n: '2' }, 'n: "n" is a string; '],
    [{ tools: {} }, 'tools: "tools" is an object; it must be an array.'],
    [{ response_format: 'json' }, 'response_format: "response_format" is a string; it must be an object.'],
    [{ stream_options: [] }, 'stream_options: "stream_options" is an empty list; it must be an object.'],
    [{ messages: ['hello'] }, 'messages[0]: "messages[0]" is a string; it must be an object.'],
    [{ messages: [{ content: 'x' }] }, 'messages[0].role: "messages[0].role" is missing; '],
    [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content: "messages[0].content" is 5; '],
    [
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, 'y'] }] },
      'messages[0].content[1]: "messages[0].content[1]" is a string; it must be an object with a type.',
    ],
  ])('has a wrong type: %j', async (rest, expected) => {
    await given()
    const refusal = await refusalOf(await ask(rest))
    expect(refusal.startsWith(`400 invalid_type ${expected}`), refusal).toBe(true)
  })

  test('is larger than the bound, whether or not it says so', async () => {
    await given('general: { max_body: 1000 }')
    const large = JSON.stringify({ ...HELLO, messages: [{ role: 'user', content: 'x'.repeat(2000) }] })
    const expected =
      '413 request_too_large: The request body is larger than 1000 bytes, the bound set by general.max_body.'
    expect(await refusalOf(await served.post(PATH, large, { 'content-length': '2100' }))).toBe(expected)
    expect(await refusalOf(await served.send(streamed(large)))).toBe(expected)
  })

  test('breaks off before its end', async () => {
    await given()
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) })
    const request = new Request(`http://llb${PATH}`, { method: 'POST', body, duplex: 'half' } as RequestInit)
    expect(await refusalOf(await served.send(request))).toMatch(/^400 invalid_request: /)
    expect(served.troubles).toEqual([])
  })

  test('is nested deeper than it can be handed on', async () => {
    await given()
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    for (const field of ['tools', 'metadata']) {
      const text = `{"model":"auto","messages":[{"role":"user","content":"x"}],"${field}":${deep}}`
      const response = await served.post(PATH, text)
      expect(await refusalOf(response)).toBe(
        '400 invalid_type body: "body" is nested more than 256 levels deep.',
      )
    }
    expect(served.troubles).toEqual([])
  })
})

/** A request whose body comes in pieces, without a length. */
function streamed(text: string): Request {
  const body = new Blob([text]).stream()
  return new Request(`http://llb${PATH}`, { method: 'POST', body, duplex: 'half' } as RequestInit)
}

test('a body in pieces is read whole', async () => {
  await given()
  expect((await served.send(streamed(JSON.stringify(HELLO)))).status).toBe(200)
})

describe('a request is refused that', () => {
  test('asks for a model that nobody has', async () => {
    await given('models: { fast: { weights: { speed: 1 } } }')
    expect(await refusalOf(await ask({ model: 'gpt-9' }))).toBe(
      '404 model_not_found: The model "gpt-9" does not exist here. Known names: auto, Sim, fast.',
    )
  })

  test('fits no LLM', async () => {
    await given()
    expect(await refusalOf(await ask({ max_tokens: 5000 }))).toMatch(
      /^400 context_length_exceeded: .+\(Sim: context_length 4000 is below the 50\d\d tokens it needs\)/,
    )
    const image = [{ type: 'image_url', image_url: { url: 'data:,' } }]
    expect(await refusalOf(await ask({ messages: [{ role: 'user', content: image }] }))).toMatch(
      /^400 unsupported_mode: .+\(Sim: does not take vision\)/,
    )
  })

  test('could only go to LLMs that are switched off', async () => {
    await given('llms: [{ name: A, api_type: groq, model: m, api_key_name: A_KEY, context_length: 100 }]')
    expect(await refusalOf(await ask())).toBe(
      '503 no_llm_enabled: No LLM that could take this request is enabled (A: A_KEY is not set).',
    )
  })

  test('may not wait, and would have to: with when to come again', async () => {
    await given(`llms: [{ ${SIMULATED.slice(1, -1)}, requests_per_min: 1 }]`)
    expect((await ask()).status).toBe(200)
    const response = await ask({}, { 'x-llb-max-wait': '0' })
    expect(response.status).toBe(429)
    expect(await errorOf(response)).toMatchObject({
      type: 'rate_limit_error',
      code: 'wait_expired',
      message: expect.stringMatching(/waited for requests_per_min of Sim/),
    })
    const ms = Number(response.headers.get('retry-after-ms'))
    expect(ms).toBeGreaterThan(50_000)
    expect(ms).toBeLessThanOrEqual(60_500)
    expect(response.headers.get('retry-after')).toBe(String(Math.ceil(ms / 1000)))
    expect(response.headers.get('x-should-retry')).toBeNull()
  })

  test('comes while the process drains', async () => {
    await given()
    served.gateway.balancer.ingest('process.stopping', { reason: 'SIGTERM', drain_ms: 1000 })
    const response = await ask()
    expect(response.status).toBe(503)
    expect(await errorOf(response)).toMatchObject({ code: 'shutting_down' })
    expect(response.headers.get('retry-after')).toBe('5')
    expect((await served.get('/ready')).status).toBe(503)
  })
})

describe('a header for the balancer itself', () => {
  test.each<[string, string, RegExp]>([
    ['x-llb-max-wait', 'soon', /it must be a duration such as 500ms, 30s or 5m\.$/],
    ['x-llb-max-wait', '-1', /it must be a duration/],
    ['x-llb-max-wait', '1d', /it must be a duration/],
    ['x-llb-max-wait', '9'.repeat(400), /it must be a duration/],
    ['x-llb-priority', 'urgent', /it must be one of high, normal, low\.$/],
    ['x-llb-weights', 'cost=1,beauty=2', /it must look like cost=1,quality=0.5,speed=0/],
    ['x-llb-weights', 'cost=0', /not all of them 0\.$/],
    ['x-llb-weights', 'cost=-1', /it must look like/],
    ['x-llb-weights', '', /it must look like/],
    ['x-llb-weights', `cost=${'9'.repeat(400)}`, /it must look like/],
  ])('%s: %s is refused', async (name, value, expected) => {
    await given()
    expect(await refusalOf(await ask({}, { [name]: value }))).toMatch(expected)
    expect(served.troubles).toEqual([])
  })

  test('is heard', async () => {
    await given()
    const headers = { 'x-llb-max-wait': '1.5s', 'x-llb-priority': 'high', 'x-llb-weights': 'cost=1, speed=2' }
    await ask({}, headers)
    expect(served.events[0]!.data).toMatchObject({
      max_wait_ms: 1500,
      priority: 'high',
      weights: { cost: 1, quality: 0, speed: 2 },
    })
  })

  test('may not ask for a wait longer than a day', async () => {
    await given()
    await ask({}, { 'x-llb-max-wait': '100h' })
    expect(served.events[0]!.data).toMatchObject({ max_wait_ms: 86_400_000 })
  })
})

describe('where there are clients', () => {
  const clients =
    'clients: [{ name: dev, api_key_name: DEV_KEY, priority: low }, { name: ops, api_key_name: OPS_KEY }]'
  const as = (authorization: string) => ask({}, { authorization })

  test('a key is asked for', async () => {
    await given(clients, { DEV_KEY: 'secret-1' })
    expect(await refusalOf(await ask())).toMatch(/^401 invalid_api_key: Send a client key/)
    expect(await refusalOf(await as('Basic secret-1'))).toMatch(/^401 invalid_api_key: Send a client key/)
    for (const path of ['/v1/models', '/v1/models/Sim'])
      expect((await served.get(path)).status, path).toBe(401)
  })

  test('a wrong key is refused, and so is the key of a client that has none', async () => {
    await given(clients, { DEV_KEY: 'secret-1' })
    for (const key of ['secret-2', 'undefined', 'secret-1x', ' '])
      expect((await as(`Bearer ${key}`)).status, key).toBe(401)
    expect(served.events).toEqual([])
  })

  test('a known key tells who asks, with the priority of that client', async () => {
    await given(clients, { DEV_KEY: 'secret-1', OPS_KEY: 'secret-2' })
    expect((await as('bearer secret-1')).status).toBe(200)
    expect(served.events[0]!.data).toMatchObject({ client: 'dev', priority: 'low' })
    expect(JSON.stringify(served.events)).not.toContain('secret')
  })
})

describe('a client that leaves', () => {
  test('while its request waits takes it out of the queue', async () => {
    await given(`llms: [{ ${SIMULATED.slice(1, -1)}, requests_per_min: 1 }]`)
    await ask()
    const left = new AbortController()
    const { signal } = left
    void served.send(
      new Request(`http://llb${PATH}`, { method: 'POST', body: JSON.stringify(HELLO), signal }),
    )
    while (served.gateway.balancer.state.queue.byId.size === 0)
      await new Promise((resolve) => setImmediate(resolve))
    left.abort()
    expect(served.gateway.balancer.state.queue.byId.size).toBe(0)
    expect(served.gateway.listeners.size).toBe(0)
  })

  test('before its request was read is not served', async () => {
    await given()
    const body = JSON.stringify(HELLO)
    const request = new Request(`http://llb${PATH}`, { method: 'POST', body, signal: AbortSignal.abort() })
    void served.send(request).catch(() => {})
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
    expect(served.events.map(({ type }) => type)).not.toContain('request.completed')
    expect(served.gateway.balancer.state.running.size).toBe(0)
  })
})
