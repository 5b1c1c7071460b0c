import { afterEach, describe, expect, test } from 'vitest'
import { type Served, SIMULATED, serving } from '../support/gateway.ts'

let served: Served
afterEach(() => served.close())

const ASK = { model: 'Sim', messages: [{ role: 'user', content: 'x' }] }

async function given(yaml = '', env: Record<string, string> = {}): Promise<Served> {
  served = await serving(yaml, env)
  return served
}

describe('the list of models', () => {
  test('has every name that a request may ask for, provider ids among them, but no patterns', async () => {
    await given(
      `llms: [${SIMULATED}, { name: org/G, api_type: groq, model: m, context_length: 10, api_key_name: K }]\nmodels: { fast: [Sim], "gpt-*": [Sim] }`,
    )
    const { object, data } = (await (await served.get('/v1/models')).json()) as {
      object: string
      data: { id: string; owned_by: string }[]
    }
    expect(object).toBe('list')
    expect(data.map(({ id, owned_by }) => `${id} of ${owned_by}`)).toEqual([
      'auto of llm-load-balancer',
      'Sim of simulated',
      'org/G of groq',
      'fast of llm-load-balancer',
      'sim-1 of simulated',
      'm of groq',
    ])
  })

  test('gives each of them alone, also one with a slash, plain or escaped', async () => {
    await given('llms: [{ name: org/G, api_type: groq, model: m, context_length: 10, api_key_name: K }]')
    const created = Math.floor(served.gateway.startedAt / 1000)
    for (const path of ['/v1/models/org/G', '/v1/models/org%2FG']) {
      const response = await served.get(path)
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ id: 'org/G', object: 'model', created, owned_by: 'groq' })
    }
  })

  test.each(['gpt-9', 'gpt-*', '%E0%A4%A', '..%2F'])('does not know %s', async (id) => {
    await given('models: { "gpt-*": [Sim] }')
    const response = await served.get(`/v1/models/${id}`)
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { code: 'model_not_found' } })
  })
})

describe('a supervisor', () => {
  test('is told that the process lives', async () => {
    await given()
    expect(await (await served.get('/health')).json()).toEqual({ status: 'ok' })
  })

  test('is told of each LLM, and that one is enough to be ready', async () => {
    await given(
      `llms: [${SIMULATED}, { name: G, api_type: groq, model: m, context_length: 10, api_key_name: G_KEY }]`,
    )
    const response = await served.get('/ready')
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      status: 'ready',
      llms: [
        { name: 'Sim', status: 'available', because: null },
        { name: 'G', status: 'disabled', because: 'G_KEY is not set' },
      ],
      log: { status: 'ok', dropped: 0 },
    })
  })

  test('is told of a log that cannot be written, which serving outlives', async () => {
    await given()
    served.log.broken = true
    const answer = await served.post('/v1/chat/completions', ASK)
    expect(answer.status).toBe(200)
    const response = await served.get('/ready')
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ status: 'ready', log: { status: 'failing', dropped: 0 } })
  })

  test('is told to send no requests while too much waits for a slow disk', async () => {
    await given()
    Object.assign(served.gateway, { log: () => ({ status: 'slow', dropped: 0 }) })
    const refused = await served.post('/v1/chat/completions', ASK)
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({
      error: { code: 'log_unavailable', message: expect.stringContaining('too much waits for a slow disk') },
    })
    expect((await served.get('/ready')).status).toBe(503)
  })

  test('is told to send no requests then, where they are to be refused', async () => {
    await given('event_log: { on_failure: refuse }')
    expect((await served.post('/v1/chat/completions', ASK)).status).toBe(200)
    served.log.broken = true
    expect((await served.post('/v1/chat/completions', ASK)).status).toBe(200)
    const refused = await served.post('/v1/chat/completions', ASK)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(refused.headers.get('x-should-retry')).not.toBe('false')
    expect(await refused.json()).toMatchObject({
      error: { code: 'log_unavailable', message: expect.stringContaining('the event log cannot be written') },
    })
    const response = await served.get('/ready')
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ status: 'the event log cannot be written' })
  })

  test('is told that no LLM is enabled', async () => {
    await given('llms: [{ name: G, api_type: groq, model: m, context_length: 10, api_key_name: G_KEY }]')
    const response = await served.get('/ready')
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ status: 'no LLM is enabled' })
  })
})

test.each([
  ['GET', '/'],
  ['GET', '/v1/chat/completions'],
  ['POST', '/v1/embeddings'],
  ['POST', '/v1/chat/completions/'],
  ['POST', '/v1/chat/completions-more'],
  ['POST', '/api/v1/chat/completions'],
  ['DELETE', '/v1/models/Sim'],
])('%s %s is not there, and what is there is told', async (method, path) => {
  await given()
  const response = await served.send(new Request(`http://llb${path}`, { method }))
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({
    error: {
      code: 'not_found',
      message: expect.stringMatching(
        `There is no ${method} ${path} here. Endpoints: POST /v1/chat/completions, GET /v1/models`,
      ),
    },
  })
})

test.each([
  '/v1/chat/completions',
  '/v1/chat/completions?api-version=1',
  '/v1/chat%2Dcompletions/../chat/completions',
])('POST %s is a chat completion', async (path) => {
  await given()
  const response = await served.post(path, { model: 'auto', messages: [{ role: 'user', content: 'Hi' }] })
  expect(response.status).toBe(200)
})

test('a bug is answered as one, without its words, and told to the operator', async () => {
  await given()
  Object.defineProperty(served.gateway.config.general, 'maxBodyBytes', {
    get() {
      throw new Error('a bug with a secret')
    },
  })
  const response = await served.post('/v1/chat/completions', {})
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain('secret')
  expect(served.troubles[0]).toContain('a bug with a secret')
})
