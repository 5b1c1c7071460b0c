import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { streamChunks } from '../fakes/openai.ts'
import { RUNTIMES } from './runtimes.ts'
import { dataOf, say, startWorld, until, type World } from './world.ts'

const HOUR = { unit: 'requests', amount: 1, per: '1h' }
const MOMENT = { unit: 'requests', amount: 1, per: '500ms' }
const HEARTBEAT =
  /^: (position \d+ in the queue|an LLM is at work), \d+ s so far(, expected to start in \d+ s)?\n\n/

describe.each(RUNTIMES)('a request that waits in %s', (runtime) => {
  let world: World<'brief' | 'failing' | 'short' | 'shut' | 'single' | 'slow'>
  beforeAll(async () => {
    world = await startWorld({
      runtime,
      llms: {
        brief: { config: { limits: [MOMENT] } },
        short: { config: { limits: [MOMENT] } },
        shut: { config: { limits: [HOUR] } },
        single: { config: { max_concurrency: 1 } },
        slow: { options: { delayMs: 800 } },
        failing: { options: { delayMs: 800 } },
      },
      config: { queue: { heartbeat: '200ms', early_refusal: 'off' } },
    })
    await (await world.ask(say('shut', 'takes the only place of the hour'))).text()
  })
  afterAll(() => world?.close())

  /** Takes the heartbeats off the front of an SSE body. */
  function withoutHeartbeats(text: string): { beats: number; rest: string } {
    let rest = text
    let beats = 0
    for (; HEARTBEAT.test(rest); beats++) rest = rest.replace(HEARTBEAT, '')
    return { beats, rest }
  }

  test.concurrent('hears heartbeats and then gets its answer, byte for byte', async () => {
    await (await world.ask(say('brief', 'first'))).text()
    const body = say('brief', 'second', { stream: true })
    const answer = await world.ask(body)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const { beats, rest } = withoutHeartbeats(await answer.text())
    expect(beats).toBeGreaterThan(1)
    expect(rest).toBe(streamChunks({ ...body, model: 'brief-model' }).join(''))
  })

  test.concurrent('hears heartbeats while an LLM is at work, too', async () => {
    const body = say('slow', 'x', { stream: true })
    const text = await (await world.ask(body)).text()
    expect(text).toMatch(/^: an LLM is at work, \d s so far/)
    expect(withoutHeartbeats(text).rest).toBe(streamChunks({ ...body, model: 'slow-model' }).join(''))
  })

  test.concurrent('reads its answer through the SDK as if nothing had been', async () => {
    const stream = world
      .sdk()
      .chat.completions.stream({ model: 'slow', messages: [{ role: 'user', content: 'Hello' }] })
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toContain('Réponse')
  })

  test.concurrent('hears of its expiry within the stream, and no [DONE]', async () => {
    const headers = { 'x-llb-max-wait': '700ms' }
    const answer = await world.ask(say('shut', 'x', { stream: true }), { headers })
    expect(answer.status).toBe(200)
    const text = await answer.text()
    expect(withoutHeartbeats(text).beats).toBeGreaterThan(0)
    const data = dataOf(text)
    expect(data).toHaveLength(1)
    expect(JSON.parse(data[0]!).error).toMatchObject({
      type: 'rate_limit_error',
      code: 'wait_expired',
      message: expect.stringContaining('shut'),
    })
  })

  test.concurrent('hears within the stream of a failure after its first heartbeat', async () => {
    const body = { error: { message: 'no such parameter', type: 'invalid_request_error', code: null } }
    world.fakes.failing.fail({ kind: 'answer', status: 400, body })
    const answer = await world.ask(say('failing', 'x', { stream: true }))
    expect(answer.status).toBe(200)
    const text = await answer.text()
    expect(text).toMatch(HEARTBEAT)
    const data = dataOf(text)
    expect(data).toHaveLength(1)
    expect(JSON.parse(data[0]!).error).toMatchObject({
      type: 'invalid_request_error',
      message: expect.stringContaining('no such parameter'),
    })
  })

  test.concurrent('is told when to come back, and which limit it waited for', async () => {
    for (const wait of ['0', '150ms', '0.1s']) {
      const answer = await world.ask(say('shut', 'x'), { headers: { 'x-llb-max-wait': wait } })
      expect(answer.status).toBe(429)
      const seconds = Number(answer.headers.get('retry-after'))
      expect(seconds).toBeGreaterThan(3500)
      expect(seconds).toBeLessThanOrEqual(3601)
      const ms = Number(answer.headers.get('retry-after-ms'))
      expect(Math.ceil(ms / 1000)).toBe(seconds)
      const { error } = await answer.json()
      expect(error.code).toBe('wait_expired')
      expect(error.message).toMatch(/requests_per_hour of shut|requests_per_1h of shut/)
    }
    const id = (await world.ask(say('shut', 'x'), { headers: { 'x-llb-max-wait': '0' } })).headers.get(
      'x-request-id',
    )
    const types = await until(() => {
      const found = world.story(id).map(({ type }) => type)
      return found.includes('request.expired') && found
    }, 'the expiry in the log')
    expect(types.filter((type) => type !== 'request.queued')).toEqual(['request.received', 'request.expired'])
  })

  test.concurrent('of high priority overtakes, one of low priority lets pass', async () => {
    const fake = world.fakes.single
    fake.fail({ kind: 'hang', afterChunks: null })
    const controller = new AbortController()
    const holding = world.ask(say('single', 'holds'), { signal: controller.signal })
    holding.catch(() => {})
    await fake.arrived(1)
    const waiting: Promise<string>[] = []
    for (const priority of ['low', 'normal', 'high']) {
      const headers = { 'x-llb-priority': priority }
      const answer = world.ask(say('single', `is ${priority}`), { headers }).then((each) => each.text())
      waiting.push(answer)
      await until(
        () =>
          world.log().filter((event) => event.type === 'request.queued' && isFor(event.data, 'single'))
            .length === waiting.length,
        `${priority} is queued`,
      )
    }
    controller.abort()
    await Promise.all(waiting)
    const order = fake.requests.map(({ body }) => body?.messages[0].content)
    expect(order).toEqual(['holds', 'is high', 'is normal', 'is low'])
  })

  test.concurrent('tells in its headers who answered, and how long it waited', async () => {
    await (await world.ask(say('short', 'first'))).text()
    const answer = await world.ask(say('short', 'second'))
    await answer.text()
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
    expect(answer.headers.get('x-llb-llm')).toBe('short')
    expect(answer.headers.get('x-llb-attempts')).toBe('1')
    expect(Number(answer.headers.get('x-llb-queue-ms'))).toBeGreaterThan(400)
    expect(answer.headers.get('x-llb-cost-usd')).toBe('0')
  })

  test.each([
    [{ 'x-llb-max-wait': 'soon' }, 'x-llb-max-wait'],
    [{ 'x-llb-priority': 'urgent' }, 'x-llb-priority'],
    [{ 'x-llb-weights': 'cost' }, 'x-llb-weights'],
  ])('is refused with a wish that is none: %o', async (headers, name) => {
    const answer = await world.ask(say('slow', 'x'), { headers: headers as Record<string, string> })
    expect(answer.status).toBe(400)
    expect((await answer.json()).error.message).toContain(name)
  })
})

function isFor(data: { waiting_for: string }, llm: string): boolean {
  return data.waiting_for.endsWith(`of ${llm}`)
}
