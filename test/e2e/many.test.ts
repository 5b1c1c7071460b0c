import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { streamChunks } from '../fakes/openai.ts'
import { RUNTIMES } from './runtimes.ts'
import { say, startWorld, until, type World } from './world.ts'

const STREAMS = 200

describe.each(RUNTIMES)('many streams at once on %s', (runtime) => {
  let world: World<'only'>
  beforeAll(async () => {
    world = await startWorld({ runtime, llms: { only: { options: { chunkDelayMs: 100 } } } })
  })
  afterAll(() => world?.close())

  test(`all ${STREAMS} arrive whole, and side by side`, async () => {
    const bodies = Array.from({ length: STREAMS }, (_, index) =>
      say('only', `Stream ${index}`, { stream: true }),
    )
    const texts = await Promise.all(bodies.map(async (body) => (await world.ask(body)).text()))
    const expected = bodies.map((body) => streamChunks({ ...body, model: 'only-model' }).join(''))
    expect(texts).toEqual(expected)
    expect(world.fakes.only.requests).toHaveLength(STREAMS)
    const log = await until(() => {
      const found = world.log()
      return found.filter(({ type }) => type === 'request.completed').length === STREAMS && found
    }, 'all are completed in the log')
    let running = 0
    let most = 0
    for (const { type } of log) {
      if (type === 'request.dispatched') most = Math.max(most, ++running)
      if (type === 'request.completed') running--
    }
    expect(most).toBeGreaterThan(STREAMS / 4)
    expect(log.filter(({ type }) => type === 'attempt.failed')).toEqual([])
  })
})
