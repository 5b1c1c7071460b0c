import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Event } from '../../src/core/events.ts'
import type { Fault } from '../fakes/server.ts'
import { RUNTIMES } from './runtimes.ts'
import { closedAddress, dataOf, type FakeLlm, say, startWorld, until, type World, wordsOf } from './world.ts'

const KINDS = ['openai', 'groq', 'google', 'ollama'] as const
const ROLES = ['limited', 'flaky', 'locked', 'cut', 'hanging', 'backup'] as const
/** How each provider says "come back in 0.6 s", or in 1 s where it knows no fractions. */
const LIMITED: Record<(typeof KINDS)[number], Fault> = {
  openai: {
    kind: 'answer',
    status: 429,
    headers: { 'retry-after-ms': '600', 'retry-after': '1' },
    body: { error: { message: 'Rate limit reached', type: 'requests', code: 'rate_limit_exceeded' } },
  },
  groq: {
    kind: 'answer',
    status: 429,
    body: {
      error: {
        message:
          'Rate limit reached for model `x` on tokens per minute (TPM): Limit 6000, Used 5900, Requested 200. Please try again in 600ms.',
        type: 'tokens',
        code: 'rate_limit_exceeded',
      },
    },
  },
  google: {
    kind: 'answer',
    status: 429,
    body: {
      error: {
        code: 429,
        message: 'You exceeded your current quota.',
        status: 'RESOURCE_EXHAUSTED',
        details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '0.6s' }],
      },
    },
  },
  ollama: {
    kind: 'answer',
    status: 429,
    headers: { 'retry-after': '1' },
    body: { error: 'too many requests' },
  },
}

describe.each(RUNTIMES)('when a provider fails, %s', (runtime) => {
  let world: World<string>

  beforeAll(async () => {
    const llms: Record<string, FakeLlm> = {}
    const models: Record<string, string[]> = {}
    for (const kind of KINDS) {
      for (const role of ROLES) {
        const config = {
          quality: role === 'backup' ? 0.1 : 0.9,
          first_byte_timeout: role === 'hanging' ? '300ms' : '20s',
        }
        // Slow enough for the first chunks to be read before a reset, which takes what is still on the way with it.
        const chunkDelayMs = role === 'cut' ? 60 : 0
        const options = { apiKey: `key-${kind}`, chunkDelayMs }
        llms[`${role}-${kind}`] = { type: kind, options, config }
        models[`${role} or backup, ${kind}`] = [`${role}-${kind}`, `backup-${kind}`]
      }
      models[`closed or backup, ${kind}`] = [`closed-${kind}`, `backup-${kind}`]
    }
    const closed = await closedAddress()
    const others = KINDS.map((kind) => ({
      name: `closed-${kind}`,
      api_type: kind,
      model: 'm',
      base_url: closed,
      api_key_name: '',
      context_length: 9000,
      quality: 1,
    }))
    world = await startWorld({ runtime, llms, others, config: { models } })
  })
  afterAll(() => world?.close())

  /** Asks, and expects the second attempt, by the backup, to give the answer. */
  async function servedElsewhere(role: string, kind: string, stream: boolean): Promise<Event[]> {
    const answer = await world.ask(say(`${role} or backup, ${kind}`, `${role}?`, { stream }))
    const text = await answer.text()
    expect(answer.status).toBe(200)
    expect(stream ? wordsOf(text) : text).toContain('Réponse')
    expect(answer.headers.get('x-llb-llm')).toBe(`backup-${kind}`)
    expect(answer.headers.get('x-llb-attempts')).toBe('2')
    const id = answer.headers.get('x-request-id')
    await until(() => typesOf(world.story(id)).includes('request.completed'), 'completion in the log')
    const story = world.story(id)
    const [head, ...rest] = typesOf(story).filter((type) => type !== 'attempt.started')
    expect([head, ...rest]).toEqual([
      'request.received',
      'request.dispatched',
      'attempt.failed',
      'request.retried',
      'request.dispatched',
      'attempt.finished',
      'request.completed',
    ])
    return story
  }

  test.concurrent.each(KINDS)(
    'lets %s rest as long as it asks, and serves elsewhere or later',
    async (kind) => {
      const fake = world.fakes[`limited-${kind}`]!
      fake.fail(LIMITED[kind])
      const story = await servedElsewhere('limited', kind, false)
      const failed = story.find(({ type }) => type === 'attempt.failed')!
      expect(failed.data).toMatchObject({ class: 'rate_limited', status: 429 })
      const cooling = world
        .log()
        .find(({ type, llm }) => type === 'llm.cooling' && llm === `limited-${kind}`) as Event & {
        type: 'llm.cooling'
      }
      expect(cooling.data.until - cooling.at).toBeGreaterThanOrEqual(600)
      expect(cooling.data.until - cooling.at).toBeLessThanOrEqual(1000)

      const later = await world.ask(say(`limited-${kind}`, 'now?'))
      expect(later.status).toBe(200)
      expect(await later.text()).toContain('Réponse')
      const last = world.log().findLast((event) => event.request === later.headers.get('x-request-id'))!
      expect(last.at).toBeGreaterThanOrEqual(cooling.data.until)
      expect(fake.requests).toHaveLength(2)
    },
  )

  test.concurrent.each(KINDS)('tries a server error of %s elsewhere, whole and streamed', async (kind) => {
    for (const stream of [false, true]) {
      world.fakes[`flaky-${kind}`]!.fail({ kind: 'answer', status: 500, body: '<html>oops</html>' })
      const story = await servedElsewhere('flaky', kind, stream)
      expect(story.find(({ type }) => type === 'attempt.failed')?.data).toMatchObject({
        class: 'server_error',
      })
    }
  })

  test.concurrent.each(KINDS)('disables an LLM of %s whose key is rejected, and says so', async (kind) => {
    world.fakes[`locked-${kind}`]!.options.apiKey = 'changed by the provider'
    await servedElsewhere('locked', kind, true)
    const ready = await (await fetch(`${world.server.url}/ready`)).json()
    const { status, because } = ready.llms.find(({ name }: { name: string }) => name === `locked-${kind}`)
    expect(status).toBe('disabled')
    expect(because).toMatch(/key|unauthorized/i)
    const refused = await world.ask(say(`locked-${kind}`, 'x'))
    expect(refused.status).toBe(503)
    expect((await refused.json()).error.code).toBe('no_llm_enabled')
    expect(JSON.stringify(ready)).not.toContain(`key-${kind}`)
  })

  test.concurrent.each(KINDS)('tells the client when %s breaks off in mid-stream', async (kind) => {
    for (const fault of ['reset', 'end'] as const) {
      const fake = world.fakes[`cut-${kind}`]!
      fake.fail({ kind: fault, afterChunks: 3 })
      const answer = await world.ask(say(`cut or backup, ${kind}`, 'x', { stream: true }))
      expect(answer.status).toBe(200)
      const data = dataOf(await answer.text())
      expect(data).not.toContain('[DONE]')
      expect(data.length).toBeGreaterThan(1)
      expect(JSON.parse(data.at(-1)!).error).toMatchObject({ code: 'upstream_failed' })
      const id = answer.headers.get('x-request-id')
      const failed = await until(
        () => world.story(id).find(({ type }) => type === 'request.failed'),
        'the failure in the log',
      )
      expect(failed.data).toMatchObject({ attempts: 1, code: 'upstream_failed' })
    }
    const backup = world.fakes[`backup-${kind}`]!
    expect(backup.requests.filter(({ text }) => text.includes('"x"'))).toEqual([])
  })

  test.concurrent.each(KINDS)('does not wait for a hanging %s longer than configured', async (kind) => {
    for (const stream of [false, true]) {
      const fake = world.fakes[`hanging-${kind}`]!
      fake.fail({ kind: 'hang', afterChunks: null })
      const before = fake.requests.length
      const story = await servedElsewhere('hanging', kind, stream)
      expect(story.find(({ type }) => type === 'attempt.failed')?.data).toMatchObject({ class: 'timeout' })
      expect(await (await fake.arrived(before + 1)).ended).toBe('aborted')
    }
  })

  test.concurrent.each(KINDS)('goes elsewhere when %s cannot be reached', async (kind) => {
    const story = await servedElsewhere('closed', kind, false)
    expect(story.find(({ type }) => type === 'attempt.failed')?.data).toMatchObject({ class: 'unreachable' })
    const direct = await world.ask(say(`closed-${kind}`, 'x'), { headers: { 'x-llb-max-wait': '10ms' } })
    expect(direct.status).toBe(429)
    expect(await direct.text()).toContain('recovery (the provider cannot be reached')
  })
})

function typesOf(events: readonly Event[]): string[] {
  return events.map(({ type }) => type)
}
