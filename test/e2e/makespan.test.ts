import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { type Figures, simulate } from '../../src/sim/simulate.ts'
import { parseWorkload } from '../../src/sim/workload.ts'
import type { Booking, LimitSpec } from '../fakes/limiter.ts'
import { RUNTIMES } from './runtimes.ts'
import { type FakeLlm, say, startWorld, type World } from './world.ts'

const LATENCY_MS = 200
/** So many that the last windows are not quite full: a few calls more or less do not open another. */
const REQUESTS = 144
/** An answer, its bound, and what is estimated for the prompt. */
const ANSWER_TOKENS = 100
const BOUND_TOKENS = 150
const PROMPT_TOKENS = 10
/** A burst begins at a multiple of this on the clock, as it does in the simulation. */
const ALIGNED_MS = 3000

const FAST = { outputTokens: ANSWER_TOKENS, delayMs: LATENCY_MS }

/** A limit that the provider enforces, and the configuration's words for it. */
function llm(limit: LimitSpec, declared: object, booking: Booking = 'start_then_settle'): FakeLlm {
  const { unit, amount, perMs } = limit
  // Windows that are known to begin with the clock need the clock; it also serves all others.
  const limits = { limits: [limit], now: Date.now, booking }
  const period = perMs === undefined ? {} : { per: `${perMs}ms` }
  return { options: { ...FAST, limits }, config: { limits: [{ unit, amount, ...period, ...declared }] } }
}

/** Room for so many calls that take the whole bound, or no more than the answer. */
const bounds = (calls: number) => calls * (PROMPT_TOKENS + BOUND_TOKENS)
const answers = (calls: number) => calls * (PROMPT_TOKENS + ANSWER_TOKENS)

const LLMS = {
  fixed: llm(
    { unit: 'requests', amount: 6, perMs: 3000, window: 'fixed', phaseMs: 777 },
    { window: 'fixed' },
  ),
  anchored: llm({ unit: 'requests', amount: 6, perMs: 3000, window: 'anchored' }, { window: 'fixed' }),
  clock: llm(
    { unit: 'requests', amount: 6, perMs: 3000, window: 'fixed', phaseMs: 1000 },
    { window: 'fixed', phase: '1s' },
  ),
  sliding: llm({ unit: 'requests', amount: 6, perMs: 2000, window: 'sliding' }, { window: 'sliding' }),
  bucket: llm({ unit: 'requests', amount: 8, perMs: 4000, window: 'bucket' }, { window: 'bucket' }),
  counter: llm(
    { unit: 'requests', amount: 8, perMs: 3000, window: 'counter', phaseMs: 1234 },
    { window: 'universal' },
  ),
  narrow: llm({ unit: 'concurrency', amount: 1 }, {}),
  kept: llm(
    { unit: 'tokens', amount: bounds(6), perMs: 2000, window: 'sliding' },
    { window: 'sliding', charge: 'reserve_no_refund' },
    'start',
  ),
  settled: llm(
    { unit: 'tokens', amount: answers(8), perMs: 4000, window: 'bucket' },
    { window: 'bucket', charge: 'reserve_trueup' },
  ),
  postpaid: llm(
    { unit: 'tokens', amount: answers(6), perMs: 3000, window: 'fixed', phaseMs: 555 },
    { window: 'fixed', charge: 'actual_at_end' },
    'end',
  ),
}
const NAMES = Object.keys(LLMS)

/** The burst goes to the LLMs above; one without limits is there for what goes before it. */
const CONFIG = {
  general: { log_level: 'warn', jitter_guard: '300ms' },
  models: { burst: NAMES, warm: ['warm'] },
}
const WORLD = { ...LLMS, warm: { options: { outputTokens: ANSWER_TOKENS } } }

function simulated(config: object): Figures {
  const fast = { first_byte: `${LATENCY_MS}ms`, tokens_per_second: 1_000_000 }
  const sizes = { input_tokens: PROMPT_TOKENS, output_tokens: ANSWER_TOKENS, max_tokens: BOUND_TOKENS }
  const workload = {
    for: '1s',
    sources: [
      { pattern: 'burst', model: 'burst', requests: REQUESTS, stream: false, max_wait: '2m', ...sizes },
    ],
    llms: Object.fromEntries(NAMES.map((name) => [name, fast])),
  }
  const parsed = parseConfig(JSON.stringify(config), 'config.yaml')
  const loaded = parseWorkload(JSON.stringify(workload), 'workload.yaml')
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message)
  if (!loaded.ok) throw new Error(loaded.message)
  return simulate({ config: parsed.config, workload: loaded.workload, seed: 1, forMs: 1000, exact: true })
}

/** Sends all requests at once and resolves with the statuses of their answers. */
function burst(world: World<string>, model: string): Promise<number[]> {
  const send = async (_: unknown, index: number) => {
    const body = say(model, `Request ${index}`, { max_tokens: BOUND_TOKENS })
    const answer = await world.ask(body, { headers: { 'x-llb-max-wait': '2m' } })
    await answer.text()
    return answer.status
  }
  return Promise.all(Array.from({ length: REQUESTS }, send))
}

test.each(RUNTIMES)(
  'a burst on %s takes what the simulator says, and no limit is tripped',
  async (runtime) => {
    const world = await startWorld<string>({ runtime, llms: WORLD, config: CONFIG })
    try {
      const llms = Object.entries<FakeLlm>(WORLD).map(([name, { config: own }]) => ({
        ...{ name, api_type: 'openai', model: `${name}-model`, context_length: 1_000_000 },
        ...{ base_url: world.fakes[name]!.url, api_key_name: '' },
        ...own,
      }))
      const said = simulated({ ...CONFIG, llms })
      expect(said).toMatchObject({ completed: REQUESTS, rate_limited: 0 })

      // The simulator knows of no connections to be made and no code to be compiled.
      await burst(world, 'warm')
      await new Promise((resolve) => setTimeout(resolve, ALIGNED_MS - (Date.now() % ALIGNED_MS)))
      const begin = performance.now()
      const statuses = await burst(world, 'burst')
      const tookMs = performance.now() - begin
      expect(statuses).toEqual(Array(REQUESTS).fill(200))
      for (const { limiter, requests: seen } of Object.values(world.fakes)) {
        expect(limiter.refusals).toEqual([])
        expect(seen.length).toBeGreaterThan(0)
      }
      process.stdout.write(`${runtime}: ${Math.round(tookMs)} ms, simulated ${said.makespan_ms} ms\n`)
      expect(tookMs / said.makespan_ms).toBeGreaterThan(0.9)
      expect(tookMs / said.makespan_ms).toBeLessThan(1.1)
    } finally {
      await world.close()
    }
  },
  60_000,
)
