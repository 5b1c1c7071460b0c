import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import { ROOT, RUNTIMES } from './runtimes.ts'
import { say, startWorld, until, type World } from './world.ts'

/** Marks that would be found anywhere: in keys, prompts, answers and headers. */
const CANARIES = {
  providerKey: 'canaryOfTheProvider4711',
  clientKey: 'canary-client-key-4712',
  wrongKey: 'canary-wrong-key-4713',
  prompt: 'canary-prompt-4714 that nobody else may ever read',
  tool: 'canary_tool_4715',
}

describe.each(RUNTIMES)('what %s tells of its work', (runtime) => {
  let world: World<'main' | 'spare'>
  const answers: string[] = []
  const ids: Record<'whole' | 'waiting' | 'failing', string> = { whole: '', waiting: '', failing: '' }

  beforeAll(async () => {
    const key = CANARIES.providerKey
    world = await startWorld({
      runtime,
      llms: {
        main: {
          options: {
            apiKey: key,
            limitHeaders: true,
            limits: { limits: [{ unit: 'requests', amount: 1000 }] },
          },
          config: { limits: [{ unit: 'requests', amount: 4, per: '500ms' }], quality: 1, cost_input: 1 },
        },
        spare: { type: 'google', options: { apiKey: `${key}-too` }, config: { quality: 0.1 } },
      },
      config: {
        general: { log_level: 'debug', optimization_weights: { quality: 1 } },
        queue: { heartbeat: '100ms' },
        clients: [{ name: 'tester', api_key_name: 'CLIENT_KEY' }],
      },
      env: { CLIENT_KEY: CANARIES.clientKey },
    })
    await play()
  })
  afterAll(() => world?.close())

  async function ask(model: string, more: object = {}, headers: Record<string, string> = {}) {
    const body = say(model, CANARIES.prompt, more)
    const authorization = `Bearer ${CANARIES.clientKey}`
    const answer = await world.ask(body, { headers: { authorization, ...headers } })
    answers.push(JSON.stringify([...answer.headers]))
    answers.push(await answer.text())
    return answer.headers.get('x-request-id') ?? ''
  }

  /** A little of everything that can happen to a request. */
  async function play(): Promise<void> {
    const { main, spare } = world.fakes
    // Some providers repeat what they were sent.
    const echo = (key: string) => ({
      error: { message: `No, "${key}" is no key for "${CANARIES.prompt}".` },
    })
    const [mainEcho, spareEcho] = [echo(CANARIES.providerKey), echo(`${CANARIES.providerKey}-too`)]
    ids.whole = await ask('main')
    const tools = [{ type: 'function', function: { name: CANARIES.tool, parameters: {} } }]
    await ask('main', { tools, stream: true })
    main.fail({ kind: 'answer', status: 500, body: mainEcho })
    await ask('auto', { stream: true })
    main.fail({ kind: 'reset', afterChunks: null })
    await ask('auto')
    ids.waiting = await ask('main', { stream: true })
    main.fail({ kind: 'answer', status: 400, body: { error: { message: `bad: ${CANARIES.prompt}` } } })
    ids.failing = await ask('main')
    main.fail({ kind: 'hang', afterChunks: 2 })
    const abort = new AbortController()
    const headers = { authorization: `Bearer ${CANARIES.clientKey}` }
    const left = await world.ask(say('main', CANARIES.prompt, { stream: true }), {
      headers,
      signal: abort.signal,
    })
    abort.abort()
    await left.text().catch(() => {})
    spare.fail({ kind: 'answer', status: 429, body: spareEcho, headers: { 'retry-after': '1' } })
    await ask('spare', {}, { 'x-llb-max-wait': '10ms' })
    await ask('main', {}, { authorization: `Bearer ${CANARIES.wrongKey}` })
    await ask('nobody')
    spare.fail({ kind: 'answer', status: 401, body: spareEcho })
    await until(async () => {
      await ask('spare', {}, { 'x-llb-max-wait': '2s' })
      return world.log().some(({ type }) => type === 'llm.disabled')
    }, 'a rejected key disables')
    const events = () => world.log().filter(({ type }) => type === 'request.abandoned')
    await until(() => events().length === 1, 'the client that left is in the log')
  }

  function lines(): Record<string, string>[] {
    const texts = world.server.stderr().split('\n')
    return texts.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text))
  }

  function story(id: string): string {
    return lines()
      .filter(({ request }) => request === id)
      .map(({ text = '' }) => text)
      .join('\n')
  }

  test('lets one follow a request from its arrival to its end', () => {
    expect(story(ids.whole)).toMatch(
      /^received +model "main" from tester, about \d+ tokens\ndispatched to main \(main scores [\d.]+\)\ncompleted +by main, \d+ \+ 8 tokens, \$0\.0000\d\d, .+s$/,
    )
    expect(story(ids.waiting)).toMatch(
      /^received .*stream\nqueued +at position 1, waits for requests\S* of main, about .* m?s\ndispatched to main after .* for requests\S* of main .*\n.*answered 200.*\ncompleted/,
    )
    expect(story(ids.failing)).toMatch(
      /failed +400 upstream_rejected: main answered 400: its words are not kept, since they may quote the request$/,
    )
  })

  test('says in each line when, how serious and about what', () => {
    for (const line of lines()) {
      expect(line).toMatchObject({ time: expect.stringMatching(/^\d{4}-.*Z$/), text: expect.any(String) })
      expect(['error', 'warn', 'info', 'debug']).toContain(line.level)
    }
    expect(lines().filter(({ level }) => level === 'error')).toEqual([])
  })

  test('gives away no key, no prompt and no name of a tool', async () => {
    const { server } = world
    const data = join(server.dir, 'data')
    const files = readdirSync(data).map((name) => readFileSync(join(data, name)).toString('latin1'))
    expect(files.join('')).toContain('request.completed')
    const said = [server.stdout(), server.stderr(), ...files].join('\n')
    const found = (text: string, canaries: readonly string[]) =>
      canaries.filter((each) => text.includes(each))
    const { providerKey, clientKey, wrongKey, prompt, tool } = CANARIES
    expect(found(said, [providerKey, clientKey, wrongKey, prompt, tool])).toEqual([])
    expect(found(answers.join(''), [providerKey, clientKey, wrongKey])).toEqual([])
    const open = await Promise.all(
      ['/ready', '/health'].map(async (path) => (await fetch(server.url + path)).text()),
    )
    expect(found(open.join(''), [providerKey, clientKey, prompt])).toEqual([])
  })

  test('is written down as docs/events.md says, field by field', () => {
    const sections = documented()
    const missing = new Set<string>()
    for (const event of world.log()) {
      const section = sections.get(event.type)
      expect(section, event.type).toBeDefined()
      for (const field of Object.keys(event.data)) {
        if (!section?.includes(`\`${field}\``)) missing.add(`${event.type}: ${field}`)
      }
    }
    expect([...missing]).toEqual([])
  })

  test('shows every kind of event that this run was to show', () => {
    const types = new Set<Event['type']>(world.log().map(({ type }) => type))
    expect([...types].sort()).toEqual(
      expect.arrayContaining([
        'attempt.failed',
        'attempt.finished',
        'attempt.started',
        'llm.available',
        'llm.cooling',
        'llm.disabled',
        'llm.exhausted',
        'process.started',
        'request.abandoned',
        'request.completed',
        'request.dispatched',
        'request.failed',
        'request.queued',
        'request.received',
        'request.rejected',
        'request.retried',
        'timer.fired',
      ]),
    )
  })
})

test('docs/events.md has a section for every type of event in the catalogue', () => {
  const source = readFileSync(join(ROOT, 'src/core/events.ts'), 'utf8')
  const types = [...source.matchAll(/^ {2}'([a-z]+\.[a-z_]+)': ?(?:\{|Failure)/gm)].map(([, type]) => type!)
  expect(types.length).toBeGreaterThan(20)
  const sections = documented()
  expect(types.filter((type) => !sections.has(type))).toEqual([])
})

/** The sections of docs/events.md that are about a type of event, by the type. */
function documented(): Map<string, string> {
  const text = readFileSync(join(ROOT, 'docs/events.md'), 'utf8')
  return new Map(
    [...text.matchAll(/^### ([a-z]+\.[a-z_]+)\n([\s\S]*?)(?=^#)/gm)].map(([, type, section]) => [
      type!,
      section!,
    ]),
  )
}
