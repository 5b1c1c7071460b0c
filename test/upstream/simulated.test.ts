import { describe, expect, test } from 'vitest'
import type { LlmSpec, SimulatedSpec } from '../../src/core/types.ts'
import { createSimulated } from '../../src/upstream/simulated.ts'

const SETTINGS: SimulatedSpec = {
  tokensPerSecond: 100,
  latencyMs: 50,
  outputTokens: 20,
  seed: 1,
  faults: { error500: 0, error429: 0, hang: 0 },
}

describe('a simulated LLM', () => {
  test('answers as an OpenAI server does and says that it is simulated', async () => {
    const { ask } = simulated()
    const answer = await (await ask({})).json()
    expect(answer).toMatchObject({ object: 'chat.completion', model: 'sim-1', created: 0 })
    expect(answer.choices[0]).toMatchObject({ index: 0, finish_reason: 'stop' })
    expect(answer.choices[0].message.content).toMatch(/^This is a simulated answer.*"How are you\?"/)
    expect(answer.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 20, total_tokens: 23 })
  })

  test('takes its latency and then its speed', async () => {
    const whole = simulated()
    await (await whole.ask({})).text()
    expect(whole.timers.nowMs).toBe(50 + 200)
    const streamed = simulated()
    const response = await streamed.ask({ stream: true })
    expect(streamed.timers.nowMs).toBe(50)
    await response.text()
    expect(streamed.timers.nowMs).toBe(50 + 200)
  })

  test('streams the same words as it would send whole', async () => {
    const whole = await (await simulated().ask({})).json()
    const events = await eventsOf(await simulated().ask({ stream: true }))
    expect(events.map((event) => event.choices[0].delta.content ?? '').join('')).toBe(
      whole.choices[0].message.content,
    )
    expect(new Set(events.map((event) => event.id)).size).toBe(1)
    expect(events.at(-1).choices[0].finish_reason).toBe('stop')
    expect(events.every((event) => !('usage' in event))).toBe(true)
  })

  test('reports the usage of a stream in a last chunk of its own when asked', async () => {
    const events = await eventsOf(
      await simulated().ask({ stream: true, stream_options: { include_usage: true } }),
    )
    expect(events.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 20 } })
    expect(events.slice(0, -1).every((event) => event.usage === null)).toBe(true)
  })

  test.each([{ max_tokens: 5 }, { max_completion_tokens: 5 }, { max_tokens: 9, max_completion_tokens: 5 }])(
    'stops at the length bound %o',
    async (bound) => {
      const answer = await (await simulated().ask(bound)).json()
      expect(answer.usage.completion_tokens).toBe(5)
      expect(answer.choices[0].finish_reason).toBe('length')
    },
  )

  test('answers the n-th call of a seed always the same', async () => {
    const [first, second] = [simulated(), simulated()]
    const texts = async ({ ask }: typeof first) => [
      await (await ask({})).text(),
      await (await ask({})).text(),
    ]
    const answers = await texts(first)
    expect(await texts(second)).toEqual(answers)
    expect(answers[0]).not.toBe(answers[1])
  })

  test('plays its faults in about their share', async () => {
    const { ask } = simulated({ faults: { error500: 0.2, error429: 0.3, hang: 0 } })
    const counts: Record<number, number> = {}
    for (let call = 0; call < 500; call++) {
      const { status } = await ask({})
      counts[status] = (counts[status] ?? 0) + 1
    }
    expect(counts[500]! / 500).toBeCloseTo(0.2, 1)
    expect(counts[429]! / 500).toBeCloseTo(0.3, 1)
    expect(counts[200]! / 500).toBeCloseTo(0.5, 1)
  })

  test('tells with its 429 how long to wait', async () => {
    const response = await simulated({ faults: { error500: 0, error429: 1, hang: 0 } }).ask({})
    expect(response.headers.get('retry-after')).toBe('1')
    expect(await response.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } })
  })

  test('hangs until it is aborted', async () => {
    const { ask, timers } = simulated({ faults: { error500: 0, error429: 0, hang: 1 } })
    const abort = new AbortController()
    const pending = ask({}, abort.signal)
    abort.abort()
    await expect(pending).rejects.toHaveProperty('name', 'AbortError')
    expect(timers.pending).toBe(0)
  })

  test('ends at once when aborted or cancelled in mid-stream, and leaves no timer behind', async () => {
    const { ask, timers } = simulated()
    const abort = new AbortController()
    const response = await ask({ stream: true }, abort.signal)
    timers.hold = true
    const rest = response.text()
    abort.abort()
    await expect(rest).rejects.toHaveProperty('name', 'AbortError')
    timers.hold = false
    const other = await ask({ stream: true })
    timers.hold = true
    await other.body!.cancel()
    expect(timers.pending).toBe(0)
  })

  test('does not begin when it was aborted before', async () => {
    await expect(simulated().ask({}, AbortSignal.abort())).rejects.toHaveProperty('name', 'AbortError')
  })
})

/** Timers that jump to the next due time as soon as nothing else is to do. */
function virtualTimers() {
  const due = new Map<number, { atMs: number; callback: () => void }>()
  let ids = 0
  const timers = {
    nowMs: 0,
    hold: false,
    get pending() {
      return due.size
    },
    setTimeout(callback: () => void, ms: number) {
      const id = ++ids
      due.set(id, { atMs: timers.nowMs + ms, callback })
      setImmediate(advance)
      return id
    },
    clearTimeout: (id: unknown) => void due.delete(id as number),
  }
  function advance() {
    if (timers.hold) return
    const next = [...due].sort(([, a], [, b]) => a.atMs - b.atMs)[0]
    if (!next) return
    due.delete(next[0])
    timers.nowMs = next[1].atMs
    next[1].callback()
  }
  return timers
}

function simulated(settings: Partial<SimulatedSpec> = {}) {
  const spec: LlmSpec = {
    name: 'Sim',
    group: 'Sim',
    apiType: 'simulated',
    model: 'sim-1',
    baseUrl: '',
    keyName: null,
    contextLength: 4096,
    modes: ['text'],
    limits: [],
    strict: false,
    inputPicoUsd: 0,
    outputPicoUsd: 0,
    quality: 0,
    firstByteTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    simulated: { ...SETTINGS, ...settings },
  }
  const timers = virtualTimers()
  const send = createSimulated(spec, timers)
  const ask = (extra: object, signal = new AbortController().signal) => {
    const messages = [{ role: 'user', content: 'How are you?' }]
    return send(
      { url: '', headers: {}, body: JSON.stringify({ model: 'sim-1', messages, ...extra }) },
      signal,
    )
  }
  return { ask, timers }
}

async function eventsOf(response: Response) {
  const lines = (await response.text()).split('\n\n')
  expect(lines.slice(-2)).toEqual(['data: [DONE]', ''])
  return lines.slice(0, -2).map((line) => JSON.parse(line.replace('data: ', '')))
}
