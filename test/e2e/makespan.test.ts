import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { type Figures, simulate } from '../../src/sim/simulate.ts'
import { parseWorkload } from '../../src/sim/workload.ts'
import type { LimitSpec } from '../fakes/limiter.ts'
import { RUNTIMES } from './runtimes.ts'
import { type FakeLlm, say, startWorld } from './world.ts'

const LATENCY_MS = 200
const ANSWER_TOKENS = 8
/** A burst begins at a multiple of this on the clock, as it does in the simulation. */
const ALIGNED_MS = 3000

/** A limit that the provider enforces, and the configuration's words for it. */
function llm(limit: LimitSpec, declared: object): FakeLlm {
  const { unit, amount, perMs } = limit
  // Windows that are known to begin with the clock need the clock; it also serves all others.
  const limits = { limits: [limit], now: Date.now }
  const period = perMs === undefined ? {} : { per: `${perMs}ms` }
  return {
    options: { limits, delayMs: LATENCY_MS, outputTokens: ANSWER_TOKENS },
    config: { limits: [{ unit, amount, ...period, ...declared }] },
  }
}

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
}

function simulated(config: object, requests: number): Figures {
  const fast = { first_byte: `${LATENCY_MS}ms`, tokens_per_second: 1_000_000 }
  const sizes = { input_tokens: 10, output_tokens: ANSWER_TOKENS, max_tokens: ANSWER_TOKENS }
  const workload = {
    for: '1s',
    sources: [{ pattern: 'burst', requests, stream: false, max_wait: '2m', ...sizes }],
    llms: Object.fromEntries(Object.keys(LLMS).map((name) => [name, fast])),
  }
  const parsed = parseConfig(JSON.stringify(config), 'config.yaml')
  const loaded = parseWorkload(JSON.stringify(workload), 'workload.yaml')
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message)
  if (!loaded.ok) throw new Error(loaded.message)
  return simulate({ config: parsed.config, workload: loaded.workload, seed: 1, forMs: 1000, exact: true })
}

test.each(RUNTIMES.map((runtime) => ({ runtime, requests: runtime === 'bun' ? 150 : 100 })))(
  'a burst of $requests on $runtime takes what the simulator says, and no limit is tripped',
  async ({ runtime, requests }) => {
    const config = { general: { log_level: 'warn', jitter_guard: '300ms' } }
    const world = await startWorld<keyof typeof LLMS>({ runtime, llms: LLMS, config })
    try {
      const llms = Object.entries(LLMS).map(([name, { config: own }]) => ({
        ...{ name, api_type: 'openai', model: `${name}-model`, context_length: 1_000_000 },
        ...{ base_url: world.fakes[name as keyof typeof LLMS].url, api_key_name: '' },
        ...own,
      }))
      const said = simulated({ ...config, llms }, requests)
      expect(said).toMatchObject({ completed: requests, rate_limited: 0 })

      await new Promise((resolve) => setTimeout(resolve, ALIGNED_MS - (Date.now() % ALIGNED_MS)))
      const begin = performance.now()
      const statuses = await Promise.all(
        Array.from({ length: requests }, async (_, index) => {
          const body = say('auto', `Request ${index}`, { max_tokens: ANSWER_TOKENS })
          const answer = await world.ask(body, { headers: { 'x-llb-max-wait': '2m' } })
          await answer.text()
          return answer.status
        }),
      )
      const tookMs = performance.now() - begin
      expect(statuses).toEqual(Array(requests).fill(200))
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
