import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Event, EventType } from '../../src/core/events.ts'
import type { Seen } from '../fakes/server.ts'
import { RUNTIMES } from './runtimes.ts'
import { say, startWorld, until, type World } from './world.ts'

/** Between the client's leaving and the provider's noticing, in ms. */
const ABORT_MS_MAX = 500

describe.each(RUNTIMES)('a client that leaves %s', (runtime) => {
  let world: World<'single'>
  beforeAll(async () => {
    world = await startWorld({
      runtime,
      llms: { single: { config: { max_concurrency: 1 } } },
      config: { general: { jitter_guard: '20ms' }, queue: { heartbeat: '100ms' } },
    })
  })
  afterAll(() => world?.close())

  /** Asks and gives what is needed to leave; an answer that breaks off is expected. */
  function ask(content: string, stream: boolean) {
    const controller = new AbortController()
    const answer = world.ask(say('single', content, { stream }), { signal: controller.signal })
    answer.catch(() => {})
    return { answer, leave: () => controller.abort() }
  }

  /** Asks for something on which the provider hangs, after so many chunks, or before the headers. */
  async function askAndHang(stream: boolean, afterChunks: number | null) {
    const { fakes } = world
    fakes.single.fail({ kind: 'hang', afterChunks })
    const next = fakes.single.arrived(fakes.single.requests.length + 1)
    return { ...ask('hang', stream), seen: await next }
  }

  function logged(type: EventType, count: number): Promise<Event[]> {
    return until(() => {
      const found = world.log().filter((event) => event.type === type)
      return found.length >= count ? found : null
    }, `${count} x ${type} in the log`)
  }

  const count = (type: EventType) => world.log().filter((event) => event.type === type).length

  async function leavesAndFreesTheSlot({ leave, seen }: { leave(): void; seen: Seen }): Promise<void> {
    const before = count('request.abandoned')
    const leftAt = performance.now()
    leave()
    expect(await seen.ended).toBe('aborted')
    expect(seen.abortedAt! - leftAt).toBeLessThan(ABORT_MS_MAX)
    const abandoned = await logged('request.abandoned', before + 1)
    expect(abandoned.at(-1)?.data).toEqual({ while: 'running' })
    const next = await world.ask(say('single', 'next'))
    expect(next.status).toBe(200)
    await next.text()
  }

  test('in the queue is out of it at once, and nothing is ever asked upstream for it', async () => {
    const running = await askAndHang(true, 1)
    const calls = world.fakes.single.requests.length
    const [queued, abandoned] = [count('request.queued'), count('request.abandoned')]
    const whole = ask('leaves whole', false)
    const stream = ask('leaves streaming', true)
    await logged('request.queued', queued + 2)
    whole.leave()
    await logged('request.abandoned', abandoned + 1)
    // This one has got its headers and a heartbeat before it leaves.
    expect((await stream.answer).status).toBe(200)
    stream.leave()
    const left = (await logged('request.abandoned', abandoned + 2)).slice(-2)
    expect(left.map(({ data }) => data)).toEqual([{ while: 'queued' }, { while: 'queued' }])
    await leavesAndFreesTheSlot(running)
    const after = world.fakes.single.requests.slice(calls).map(({ text }) => text)
    expect(after.filter((text) => text.includes('leaves'))).toEqual([])
    for (const { request } of left) {
      expect(world.story(request).map(({ type }) => type)).toEqual([
        'request.received',
        'request.queued',
        'request.abandoned',
      ])
    }
  })

  test('in mid-stream stops the provider and frees the slot', async () => {
    const running = await askAndHang(true, 3)
    const reader = (await running.answer).body!.getReader()
    expect((await reader.read()).value?.length).toBeGreaterThan(0)
    await leavesAndFreesTheSlot(running)
  })

  test.each([false, true])('before the provider answers stops it too (stream: %s)', async (stream) => {
    await leavesAndFreesTheSlot(await askAndHang(stream, null))
  })

  test('a hundred times over leaves nothing held', async () => {
    const before = count('request.abandoned')
    world.fakes.single.options.chunkDelayMs = 5
    for (let round = 0; round < 100; round++) {
      const { answer, leave } = ask(`round ${round}`, round % 2 === 0)
      if (round % 3 === 0) await answer
      leave()
    }
    await until(() => world.fakes.single.limiter.active === 0, 'no call is left')
    const last = await world.ask(say('single', 'last'))
    expect(last.status).toBe(200)
    await last.text()
    await until(() => {
      const log = world.log()
      const ended = new Set(
        log
          .filter(({ type }) => /^request\.(completed|abandoned|failed|rejected|expired)$/.test(type))
          .map(({ request }) => request),
      )
      return log.every(({ type, request }) => type !== 'request.received' || ended.has(request))
    }, 'every request has ended')
    expect(count('request.abandoned')).toBeGreaterThan(before)
    expect(count('request.failed')).toBe(0)
  })
})
