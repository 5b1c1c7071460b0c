import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLogReader } from '../../src/log/sqlite.ts'
import { explain } from '../../src/replay/explain/explain.ts'
import type { Explanation } from '../../src/replay/explain/explanation.ts'
import { runCommand } from './harness.ts'
import { RUNTIMES } from './runtimes.ts'
import { say, startWorld, until, type World } from './world.ts'

const MOMENT = { unit: 'requests', amount: 1, per: '700ms' }
const HOUR = { unit: 'requests', amount: 1, per: '1h' }
const ADMIN_KEY = 'key-of-the-operator-4720'

describe.each(RUNTIMES)('the life of a request, told by %s', (runtime) => {
  let world: World<'brief' | 'shut' | 'flaky' | 'lone' | 'spare' | 'slow'>
  beforeAll(async () => {
    world = await startWorld({
      runtime,
      llms: {
        brief: { config: { limits: [MOMENT], quality: 0.9 } },
        shut: { config: { limits: [HOUR] } },
        flaky: { config: { quality: 1 } },
        spare: { config: { quality: 0.2 } },
        lone: {},
        slow: { options: { delayMs: 60_000 } },
      },
      config: {
        general: { admin_key_name: 'ADMIN_KEY', optimization_weights: { quality: 1 } },
        models: { either: ['flaky', 'spare'] },
      },
      env: { ADMIN_KEY },
    })
  })
  afterAll(() => world?.close())

  /** Asks, and gives the id of the request once its answer is there. */
  async function ask(model: string, headers: Record<string, string> = {}): Promise<string> {
    const answer = await world.ask(say(model, 'hello'), { headers })
    await answer.text()
    return answer.headers.get('x-request-id')!
  }

  const get = (id: string, headers: Record<string, string> = {}) =>
    fetch(`${world.server.url}/admin/requests/${id}`, { headers })

  /** What the server tells; whoever reads the log beside it has to be told the same. */
  async function told(id: string): Promise<Explanation> {
    const response = await get(id)
    expect(response.status).toBe(200)
    const life = (await response.json()) as Explanation
    const log = openLogReader(world.server.dbPath)
    expect(JSON.parse(JSON.stringify(explain(log, id)))).toEqual(life)
    log.close()
    return life
  }

  const command = (id: string, ...more: string[]) =>
    runCommand(runtime, ['explain', id, '--log', world.server.dbPath, ...more], { cwd: world.server.dir })

  test('that was served at once, or waited', async () => {
    const [first, second] = [await ask('brief'), await ask('brief')]
    expect(await told(first)).toMatchObject({
      fate: 'completed',
      decisions: [{ what: 'dispatched', llm: 'brief' }],
      attempts: [{ llm: 'brief', outcome: 'finished', wait_ms: 0 }],
      end: { status: 200 },
    })
    const life = await told(second)
    expect(life).toMatchObject({
      fate: 'completed',
      phases: [{ what: 'limit' }, { what: 'call', for: 'brief' }],
    })
    expect(life.decisions.map(({ what }) => what)).toEqual(['queued', 'dispatched'])
    expect(life.instead[0]).toMatchObject({ llm: 'brief', raise: [{ amount: 1, at_least: 2 }] })
    expect(JSON.parse((await command(second, '--json')).stdout)).toEqual(life)
    const { stdout } = await command(second)
    expect(stdout).toMatch(/^req_\S+ was completed by brief after .* of it waiting\n/)
    expect(stdout).toMatch(
      /Had brief's requests\S* been at least 2 instead of 1, it would have started there at once/,
    )
  })

  test('that met a 429 and went elsewhere', async () => {
    const headers = { 'retry-after': '30' }
    world.fakes.flaky.fail({
      kind: 'answer',
      status: 429,
      body: { error: { message: 'slow down' } },
      headers,
    })
    expect(await told(await ask('either'))).toMatchObject({
      fate: 'completed',
      attempts: [
        { llm: 'flaky', outcome: 'failed', status: 429, failure: { class: 'rate_limited' } },
        { llm: 'spare', outcome: 'finished' },
      ],
    })
  })

  test('that expired', async () => {
    const headers = { 'retry-after': '30' }
    world.fakes.lone.fail({ kind: 'answer', status: 429, body: { error: { message: 'slow down' } }, headers })
    const life = await told(await ask('lone', { 'x-llb-max-wait': '400ms' }))
    expect(life).toMatchObject({
      fate: 'expired',
      end: { status: 429, code: 'wait_expired' },
      attempts: [{ llm: 'lone', outcome: 'failed' }],
    })
    const last = life.decisions.at(-1)!
    const lone = last.candidates.find(({ llm }) => llm === 'lone')
    expect([last.what, lone?.status]).toEqual(['expired', 'cooling'])
  })

  test('that was refused, and that its client left', async () => {
    await ask('shut')
    const refused = await told(await ask('shut', { 'x-llb-max-wait': '100ms' }))
    expect(refused).toMatchObject({ fate: 'rejected', end: { code: 'wait_too_long' }, attempts: [] })
    expect(refused.helped.join()).toMatch(/A longest wait of about .*Had shut's requests\S* been at least 2/)
    const abort = new AbortController()
    const left = world.ask(say('slow', 'hello'), { signal: abort.signal }).catch(() => null)
    const id = await until(
      () => world.log().find(({ type, llm }) => type === 'request.dispatched' && llm === 'slow')?.request,
      'the slow LLM is asked',
    )
    const running = (await (await get(id)).json()) as Explanation
    expect(running).toMatchObject({ fate: 'running', end: null, phases: [{ what: 'call', to: null }] })
    abort.abort()
    await left
    await until(() => world.log().some(({ type }) => type === 'request.abandoned'), 'it is told to have left')
    expect(await told(id)).toMatchObject({ fate: 'abandoned', attempts: [{ outcome: 'cut' }] })
  })

  test('that is not in the log', async () => {
    const response = await get('req_none_zzzz')
    expect(response.status).toBe(404)
    const { error } = (await response.json()) as { error: { message: string } }
    expect(error).toMatchObject({ type: 'invalid_request_error', code: 'request_not_found' })
    const { code, stdout, stderr } = await command('req_none_zzzz')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^\S+\.db: /)
    expect(stderr.replace(/^\S+: /, '')).toBe(`${error.message}\n`)
  })

  test('is told to the operator alone', async () => {
    const id = await ask('spare')
    expect((await get(id, { 'x-forwarded-for': '10.0.0.7' })).status).toBe(401)
    const authorization = `Bearer ${ADMIN_KEY}`
    expect((await get(id, { 'x-forwarded-for': '10.0.0.7', authorization })).status).toBe(200)
    const log = await (await get(id)).text()
    expect(log).not.toContain(ADMIN_KEY)
  })
})
