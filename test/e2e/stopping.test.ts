import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import { openLogReader } from '../../src/log/sqlite.ts'
import { streamChunks } from '../fakes/openai.ts'
import { ROOT, RUNTIMES } from './runtimes.ts'
import { say, startWorld, until, type World } from './world.ts'

const PLACES = 5

describe.each(RUNTIMES)('told to stop, %s', (runtime) => {
  let world: World<'only'>
  afterEach(() => world?.close())

  function start(chunkDelayMs: number, drain: string): Promise<World<'only'>> {
    return startWorld({
      runtime,
      llms: { only: { options: { chunkDelayMs }, config: { max_concurrency: PLACES } } },
      config: { general: { drain }, queue: { heartbeat: '100ms' } },
    })
  }

  /** How many wait: requests that come together are queued for a moment even where there is room. */
  function waiting(log: readonly Event[]): number {
    const started = new Set(
      log.flatMap(({ type, request }) => (type === 'request.dispatched' ? [request] : [])),
    )
    return log.filter(({ type, request }) => type === 'request.queued' && !started.has(request)).length
  }

  function queued(count: number): Promise<boolean> {
    return until(() => waiting(world.log()) === count, `${count} requests are queued`)
  }

  const signals: NodeJS.Signals[] = runtime === 'bun' ? ['SIGTERM', 'SIGINT'] : ['SIGTERM']
  test.each(signals)('by %s it finishes streams and refuses what waits', async (signal) => {
    world = await start(70, '15s')
    const body = say('only', 'streams', { stream: true })
    const streams = Array.from({ length: PLACES }, () => world.ask(body).then((each) => each.text()))
    await world.fakes.only.arrived(PLACES)
    const wholes = Array.from({ length: 3 }, () => world.ask(say('only', 'waits')))
    const last = world.ask(say('only', 'waits', { stream: true }))
    await queued(4)
    // Its headers are out with the first heartbeat.
    const early = await last
    const toldAt = performance.now()
    world.server.kill(signal)
    for (const answer of await Promise.all(wholes)) {
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).toBe('5')
      expect((await answer.json()).error.code).toBe('shutting_down')
    }
    const text = await early.text()
    expect(text).toContain('"code":"shutting_down"')
    expect(text).not.toContain('[DONE]')
    const whole = streamChunks({ ...body, model: 'only-model' }).join('')
    for (const stream of await Promise.all(streams)) expect(stream.replace(/^(: .*\n\n)+/, '')).toBe(whole)
    expect(await world.server.exited).toBe(0)
    expect(performance.now() - toldAt).toBeLessThan(15_000)
    expect(world.fakes.only.requests).toHaveLength(PLACES)
    expect(world.log().at(-1)?.type).toBe('request.completed')
    expect(world.server.stderr()).not.toMatch(/"level":"error"/)
    const reader = openLogReader(world.server.dbPath)
    const end = reader.last().seq
    // The next start has nothing to fold.
    expect(reader.lastCheckpoint(end)).toMatchObject({ seq: end, state: { open: [] } })
    reader.close()

    await world.restart()
    expect((await world.ask(say('only', 'again'))).status).toBe(200)
    const ends = world.log().filter(({ type }) => type === 'request.failed')
    expect(ends).toEqual([])
  })

  test('it cuts what is not finished within the drain time, and the next start ends it in the log', async () => {
    world = await start(0, '300ms')
    world.fakes.only.fail({ kind: 'hang', afterChunks: 2 })
    const answer = await world.ask(say('only', 'never ends', { stream: true }))
    const cut = answer.text().then(
      (text) => text.includes('[DONE]'),
      () => false,
    )
    world.server.kill()
    expect(await world.server.exited).toBe(0)
    expect(await cut).toBe(false)
    await world.restart()
    const ends = await until(() => {
      const found = world
        .story(answer.headers.get('x-request-id'))
        .filter(({ type }) => /^request\.(failed|abandoned)$/.test(type))
      return found.length > 0 && found
    }, 'its end in the log')
    expect(ends).toHaveLength(1)
  })

  test('a whole answer that is not there within the drain time is refused', async () => {
    world = await start(0, '300ms')
    world.fakes.only.fail({ kind: 'hang', afterChunks: null })
    const asked = world.ask(say('only', 'never comes'))
    await world.fakes.only.arrived(1)
    world.server.kill()
    const answer = await asked
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ error: { code: 'shutting_down' } })
    expect(await world.server.exited).toBe(0)
  })

  test('idle it ends at once', async () => {
    world = await start(0, '15s')
    await (await world.ask(say('only', 'x'))).text()
    const toldAt = performance.now()
    world.server.kill()
    expect(await world.server.exited).toBe(0)
    expect(performance.now() - toldAt).toBeLessThan(5_000)
  })
})

test('npm start hands a SIGTERM on to the server', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'llb-npm-'))
  const config = join(folder, 'config.yaml')
  writeFileSync(config, 'llms: [{ name: A, api_type: simulated, model: m, context_length: 9000 }]')
  const npm = spawn('npm', ['start', '--', '--config', config, '--port', '0'], { cwd: ROOT })
  let said = ''
  for (const output of [npm.stdout, npm.stderr])
    output.setEncoding('utf8').on('data', (text) => (said += text))
  await until(() => said.includes('listening on'), 'the server listens')
  npm.kill('SIGTERM')
  // The pipes are open for as long as the server lives.
  await once(npm, 'close')
  expect(said).toContain('"text":"stopped"')
  rmSync(folder, { recursive: true, force: true })
})
