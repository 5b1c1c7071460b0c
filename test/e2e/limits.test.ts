import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Event, EventOf, EventType } from '../../src/core/events.ts'
import type { LimitSpec } from '../fakes/limiter.ts'
import type { Body } from '../fakes/server.ts'
import { RUNTIMES } from './runtimes.ts'
import { type FakeLlm, say, startWorld, until, type World } from './world.ts'

/** The provider's truth, and the same limits as the configuration has them. */
function limited(limits: readonly LimitSpec[], more: object = {}): FakeLlm {
  const declared = limits.map(({ unit, amount, perMs, window }) => ({
    unit,
    amount,
    ...(perMs ? { per: `${perMs}ms`, window: window ?? 'sliding' } : {}),
  }))
  return { options: { limits: { limits } }, config: { limits: declared, ...more } }
}

const WINDOW_MS = 1000
const requests = { unit: 'requests', amount: 4, perMs: WINDOW_MS } as const
const tokens = { unit: 'tokens', amount: 600, perMs: WINDOW_MS } as const

const LLMS = {
  best: limited([requests], { quality: 0.9 }),
  next: limited([requests], { quality: 0.5 }),
  sliding: limited([requests, { ...tokens, window: 'sliding' }]),
  fixed: limited([
    { ...requests, window: 'fixed' },
    { ...tokens, window: 'fixed', phaseMs: 333 },
  ]),
  bucket: limited([
    { ...requests, window: 'bucket' },
    { ...tokens, window: 'bucket' },
  ]),
  narrow: limited([{ unit: 'concurrency', amount: 3 }]),
  large: limited([{ unit: 'tokens', amount: 700_000, perMs: 2 * WINDOW_MS }], { modes: ['text', 'vision'] }),
  undeclared: { options: { limits: { limits: [requests] } } } as FakeLlm,
}
type Name = keyof typeof LLMS

describe.each(RUNTIMES)('with limits declared as they are, %s', (runtime) => {
  let world: World<Name>
  beforeAll(async () => {
    world = await startWorld<Name>({
      runtime,
      llms: LLMS,
      config: { models: { 'best or next': ['best', 'next'] }, general: { log_level: 'warn' } },
    })
  })
  afterAll(() => world?.close())

  /** Asks all at once, half of it streamed, and expects every one to be served. */
  async function burst(bodies: readonly Body[], maxWait = '60s'): Promise<Response[]> {
    const answers = await Promise.all(
      bodies.map(async (body, index) => {
        const headers = { 'x-llb-max-wait': maxWait }
        const answer = await world.ask({ ...body, stream: index % 2 === 1 }, { headers })
        expect(await answer.text()).toContain('choices')
        return answer
      }),
    )
    expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 200))
    return answers
  }

  function times<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index))
  }

  function eventsOf<T extends EventType>(type: T, llm: string): EventOf<T>[] {
    const isOne = (event: Event): boolean => event.type === type && event.llm === llm
    return world.log().filter(isOne) as Event[] as EventOf<T>[]
  }

  test.concurrent('sends what the best LLM has no room for to the next, and makes the rest wait', async () => {
    const one = await world.ask(say('best or next', 'Is there room?'))
    await one.text()
    expect(one.headers.get('x-llb-llm')).toBe('best')
    expect(one.headers.get('x-llb-queue-ms')).toBe('0')
    // Who may wait for 3 seconds does better to go to the next than to wait half of that for the best.
    const bodies = times(13, (index) => say('best or next', `Request ${index}`))
    const answers = await burst(bodies, '3s')
    const by = (llm: string, waited: boolean) =>
      answers.filter(
        ({ headers }) =>
          headers.get('x-llb-llm') === llm &&
          Number(headers.get('x-llb-queue-ms')) > WINDOW_MS / 2 === waited,
      ).length
    expect([by('best', false), by('next', false)]).toEqual([3, 4])
    expect(by('best', true)).toBeGreaterThan(0)
    expect(by('next', true)).toBeGreaterThan(0)
    expect(world.fakes.best.limiter.tripped + world.fakes.next.limiter.tripped).toBe(0)
    expect(world.fakes.best.requests.length + world.fakes.next.requests.length).toBe(14)
  })

  test.concurrent.each(['sliding', 'fixed', 'bucket'] as const)('never trips a %s window', async (name) => {
    const bodies = times(12, (index) =>
      say(name, `${'word '.repeat(10 + 23 * (index % 4))}${index}`, { max_tokens: 10 + index }),
    )
    await burst(bodies)
    const { limiter, requests: seen } = world.fakes[name]
    expect(limiter.refusals).toEqual([])
    expect(seen).toHaveLength(12)
    expect(limiter.peaks[0]).toBeGreaterThan(0)
    expect(eventsOf('llm.exhausted', name).length).toBeGreaterThan(0)
    expect(eventsOf('attempt.failed', name)).toEqual([])
  })

  test.concurrent('never has more calls under way than allowed', async () => {
    world.fakes.narrow.options.delayMs = 20
    await burst(times(30, (index) => say('narrow', `Request ${index}`)))
    expect(world.fakes.narrow.limiter.refusals).toEqual([])
    expect(world.fakes.narrow.limiter.peaks[0]).toBe(3)
  })

  test.concurrent('keeps a limit that nobody declared from its clients', async () => {
    await burst(times(8, (index) => say('undeclared', `Request ${index}`)))
    expect(world.fakes.undeclared.limiter.tripped).toBeGreaterThan(0)
    expect(eventsOf('llm.cooling', 'undeclared').length).toBeGreaterThan(0)
  })

  test.concurrent('estimates bodies of all sizes, and the log says what was set aside and spent', async () => {
    const image = `data:image/png;base64,${Buffer.alloc(300_000, 7).toString('base64')}`
    const contents: unknown[] = [
      'Hi',
      'How are you today? '.repeat(50),
      'Why do programs wait? '.repeat(5_000),
      '为什么程序要等待？'.repeat(3_000),
      '{"key": [1, 2, 3], "other": null}\n'.repeat(1_000),
      'An ordinary sentence, of ordinary words. '.repeat(24_000),
      [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: image } },
      ],
    ]
    await burst(contents.map((content) => say('large', content, { max_tokens: 20 })))
    expect(world.fakes.large.limiter.refusals).toEqual([])
    const finished = await until(() => {
      const found = eventsOf('attempt.finished', 'large')
      return found.length === contents.length && found
    }, 'the end of every call in the log')
    const dispatched = eventsOf('request.dispatched', 'large')
    for (const { request, data } of dispatched) {
      const received = world.story(request)[0] as EventOf<'request.received'>
      const { usage } = finished.find((event) => event.request === request)!.data
      expect(received.data.body_bytes).toBeGreaterThan(received.data.modes.includes('vision') ? 400_000 : 50)
      expect(data.reserved.output_tokens).toBe(20)
      expect(received.data.input_tokens).toBeGreaterThanOrEqual(usage!.input_tokens)
    }
    const sizes = dispatched.map(({ request }) => world.story(request)[0]).map((event) => event?.data)
    expect(Math.max(...sizes.map((data) => (data as { body_bytes: number }).body_bytes))).toBeGreaterThan(
      900_000,
    )
  })

  test('told no client to come back later and lost nobody', async () => {
    const count = (type: EventType) => world.log().filter((event) => event.type === type).length
    await until(() => count('request.completed') === count('request.received'), 'all are completed')
    expect(count('request.expired') + count('request.rejected') + count('request.failed')).toBe(0)
    for (const [name, fake] of Object.entries(world.fakes)) {
      if (name !== 'undeclared') expect(fake.limiter.tripped).toBe(0)
    }
  })
})
