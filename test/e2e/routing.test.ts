import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RUNTIMES } from './runtimes.ts'
import { say, startWorld, type World } from './world.ts'

describe.each(RUNTIMES)('a request to %s goes', (runtime) => {
  let world: World<'cheap' | 'good' | 'large' | 'sees' | 'twins'>

  beforeAll(async () => {
    world = await startWorld({
      runtime,
      llms: {
        cheap: { config: { quality: 0.3, cost_input: 0.1, cost_output: 0.1, context_length: 4000 } },
        good: { config: { quality: 0.9, cost_input: 10, cost_output: 30, context_length: 4000 } },
        large: { config: { quality: 0.2, cost_input: 20, cost_output: 40, context_length: 100_000 } },
        sees: { config: { quality: 0.1, cost_input: 30, cost_output: 50, modes: ['text', 'vision'] } },
        twins: {
          config: {
            quality: 0.05,
            cost_input: 50,
            cost_output: 60,
            context_length: 4000,
            api_key_name: undefined,
            api_key_names: ['TWIN_A', 'TWIN_B'],
            limits: [{ unit: 'requests', amount: 2, per: '1h' }],
          },
        },
      },
      env: { TWIN_A: 'key-a', TWIN_B: 'key-b' },
      config: {
        models: {
          'gpt-4o*': ['good'],
          best: { weights: { quality: 1 } },
          thrifty: { llms: ['good', 'cheap'], weights: { cost: 1 } },
        },
        queue: { max_requests: 1, early_refusal: 'off' },
      },
    })
  })
  afterAll(() => world?.close())

  async function servedBy(model: string, content: unknown = 'x', headers: Record<string, string> = {}) {
    const answer = await world.ask(say(model, content), { headers })
    await answer.text()
    return answer.headers.get('x-llb-llm')
  }

  test.each([
    ['cheap', 'cheap'],
    ['good-model', 'good'],
    ['gpt-4o-2024-11-20', 'good'],
    ['gpt-4o', 'good'],
    ['best', 'good'],
    ['thrifty', 'cheap'],
  ])('when asked for %s to %s', async (model, llm) => {
    expect(await servedBy(model)).toBe(llm)
  })

  test('where its own weights point', async () => {
    expect(await servedBy('auto', 'x', { 'x-llb-weights': 'cost=1' })).toBe('cheap')
    expect(await servedBy('auto', 'x', { 'x-llb-weights': 'quality=1' })).toBe('good')
  })

  test('where it fits in, and where pictures are seen', async () => {
    expect(await servedBy('auto', 'word '.repeat(10_000))).toBe('large')
    const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
    expect(await servedBy('auto', [picture])).toBe('sees')
    const nowhere = await world.ask(say('good', [picture]))
    expect(nowhere.status).toBe(400)
    expect((await nowhere.json()).error).toMatchObject({ code: 'unsupported_mode' })
  })

  test('to each key of an LLM as far as its limits go, and then nowhere', async () => {
    for (let each = 0; each < 4; each++) expect(await servedBy('twins')).toBe('twins')
    const keys = world.fakes.twins.requests.map(({ headers }) => headers.authorization).sort()
    expect(keys).toEqual(['Bearer key-a', 'Bearer key-a', 'Bearer key-b', 'Bearer key-b'])
    const fifth = await world.ask(say('twins', 'x'), { headers: { 'x-llb-max-wait': '0' } })
    expect(fifth.status).toBe(429)
    await fifth.text()

    const waiting = world.ask(say('twins', 'x'), { headers: { 'x-llb-max-wait': '1s' } })
    const [first, second] = await Promise.all([
      waiting,
      world.ask(say('twins', 'x'), {
        headers: { 'x-llb-max-wait': '1s' },
      }),
    ])
    expect([first.status, second.status].sort()).toEqual([429, 503])
    const full = first.status === 503 ? first : second
    expect((await full.json()).error.code).toBe('queue_full')
    expect(Number(full.headers.get('retry-after'))).toBeGreaterThan(3000)
    expect(await servedBy('cheap')).toBe('cheap')
  })
})
