import { createRandom, type Random } from '../../src/core/random.ts'
import type { Fault } from '../fakes/server.ts'
import type { Runtime } from './runtimes.ts'
import { say, startWorld, type World } from './world.ts'

type Live = World<'main' | 'spare' | 'local'>

export interface LiveOptions {
  readonly runtime: Runtime
  /** In the middle of each burst but the last, the server is killed and starts again. */
  readonly bursts: number
  readonly requests: number
  /** Of what is drawn: faults, kinds of requests, and who leaves. */
  readonly seed?: number
  /** What the server listens to when it has to end after the last burst. */
  readonly signal?: NodeJS.Signals
}

const FAULTS: readonly Fault[] = [
  { kind: 'answer', status: 500, body: { error: { message: 'no' } } },
  { kind: 'answer', status: 503, headers: { 'retry-after': '1' } },
  { kind: 'reset', afterChunks: null },
  { kind: 'reset', afterChunks: 1 },
  { kind: 'end', afterChunks: 2 },
]

/**
 * A server between three providers that fail now and then, of which one allows less than is declared, and one takes
 * two calls at a time. Gives the world with its server ended, its log in `server.dbPath`.
 */
export async function recordLive(options: LiveOptions): Promise<Live> {
  const { runtime, bursts, requests, seed = 1, signal = 'SIGTERM' } = options
  const random = createRandom(seed, 'live')
  const world = await startLive(runtime)
  for (let burst = 1; burst <= bursts; burst++) {
    faults(world, random, requests / 20)
    const heard = world.fakes.main.requests.length + world.fakes.local.requests.length
    const answers = Array.from({ length: requests }, (_, i) =>
      i % 12 === 0 ? leave(world, random) : ask(world, random),
    )
    if (burst < bursts) {
      await halfway(world, heard + requests / 4)
      world.server.kill('SIGKILL')
      await world.server.exited
    }
    await Promise.all(answers)
    if (burst < bursts) await world.restart()
  }
  world.server.kill(signal)
  await world.server.exited
  return world
}

/** The first calls to two providers fail in all ways there are; those to the third hold its places until they time out. */
function faults({ fakes }: Live, random: Random, each: number): void {
  for (let i = 0; i < each; i++) {
    fakes.main.fail(FAULTS[i % FAULTS.length]!)
    fakes.spare.fail(FAULTS[random.integer(FAULTS.length)]!)
  }
  fakes.local.fail({ kind: 'hang', afterChunks: null }, 2)
}

function startLive(runtime: Runtime): Promise<Live> {
  const perSecond = (unit: string, amount: number) => ({ unit, amount, per: '1s' })
  return startWorld({
    runtime,
    llms: {
      main: {
        options: {
          ...{ delayMs: 3, chunkDelayMs: 1, limitHeaders: true },
          limits: { limits: [{ unit: 'requests', amount: 60, perMs: 1000 }] },
        },
        config: { limits: [perSecond('requests', 80), perSecond('tokens', 4000)], cost_input: 1, quality: 1 },
      },
      spare: {
        type: 'google',
        config: { limits: [perSecond('requests', 100)], cost_input: 2, cost_output: 4, quality: 0.5 },
      },
      local: {
        type: 'ollama',
        options: { delayMs: 5 },
        config: { max_concurrency: 2, quality: 0.2, first_byte_timeout: '600ms' },
      },
    },
    config: {
      general: { jitter_guard: '20ms', drain: '5s' },
      queue: { heartbeat: '100ms', max_wait: '5s' },
      clients: [],
      models: { best: { llms: ['main', 'spare'], weights: { quality: 1 } } },
    },
    others: [
      { name: 'off', api_type: 'groq', model: 'm', api_key_name: 'NO_SUCH_KEY', context_length: 1000 },
    ],
  })
}

/** Resolves once the providers that do not fail have heard so many requests, or nothing came for a while. */
async function halfway({ fakes }: Live, requests: number): Promise<void> {
  for (let idle = 0, last = 0; idle < 20; idle++) {
    const heard = fakes.main.requests.length + fakes.local.requests.length
    if (heard >= requests) return
    if (heard > last) idle = 0
    last = heard
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const MODELS = ['auto', 'auto', 'best', 'main', 'local', 'nowhere'] as const
const WAITS = ['5s', '5s', '300ms', '0s'] as const
const PRIORITIES = ['normal', 'normal', 'high', 'low'] as const

/** One request of some kind, whatever becomes of it; some of their clients leave after a while. */
async function ask(world: Live, random: Random): Promise<void> {
  const pick = <T>(list: readonly T[]) => list[random.integer(list.length)]!
  const body = say(pick(MODELS), 'word '.repeat(1 + random.integer(40)), {
    stream: random.integer(2) === 0,
    max_tokens: 10 + random.integer(40),
  })
  const headers = { 'x-llb-max-wait': pick(WAITS), 'x-llb-priority': pick(PRIORITIES) }
  const leavesAfterMs = random.integer(12) === 0 ? random.integer(80) : null
  await pause(random.integer(150))
  const signal = leavesAfterMs === null ? null : AbortSignal.timeout(leavesAfterMs)
  await endOf(world.ask(body, { headers, signal }))
}

/** A client that leaves as soon as it hears anything: at the first heartbeat, since the places are held. */
async function leave(world: Live, random: Random): Promise<void> {
  const controller = new AbortController()
  await pause(random.integer(150))
  const answer = world.ask(say('local', 'leaves', { stream: true }), { signal: controller.signal })
  await answer.then(() => controller.abort()).catch(() => {})
  await endOf(answer)
}

/** Hears an answer to its end. One that is left, or cut off by a kill, has its end in the log. */
async function endOf(answer: Promise<Response>): Promise<void> {
  await answer.then((response) => response.text()).catch(() => {})
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
