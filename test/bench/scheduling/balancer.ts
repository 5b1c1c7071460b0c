import { initialSkill } from '../../../src/core/skill.ts'
import type { LlmSpec, Limit as ProductLimit, Weights } from '../../../src/core/types.ts'
import { limit, llm as spec, startOf } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'
import { openWorld } from '../../support/world.ts'
import { type Instance, type Limit, type Llm, serviceMs } from './model.ts'
import type { Placement } from './simulator.ts'

/**
 * Runs a burst through the real balancer: its dispatcher, its LLM actors and their timers, on a virtual clock. Token
 * estimates are exact, speeds are known from the start, every call ends after its service time with the usage that
 * was set aside for it, and requests wait as long as it takes. What is left is the scheduling itself and the guard
 * that the balancer adds to every window.
 */
export function runBalancer({ llms, jobs }: Instance, weights: Weights): Placement[] {
  const specs = llms.map(specOf)
  const started = specs.map((one, m) => ({ ...startOf(one, START), skill: skillOf(one, llms[m]!) }))
  const world = openWorld({ specs, policy: { weights, ...ROOM_FOR_ALL }, llms: started })
  const { clock, events } = world
  const jobOf = new Map<string, Instance['jobs'][number]>()
  const placements: Placement[] = []
  let heard = 0

  function hear(): void {
    for (; heard < events.length; heard++) {
      const event = events[heard]!
      if (event.type !== 'request.dispatched') continue
      const job = jobOf.get(event.request!)!
      const llm = llms.find(({ name }) => name === event.llm)!
      const durationMs = serviceMs(llm, job)
      placements.push({ job, llm, startMs: clock.now() - START, endMs: clock.now() - START + durationMs })
      clock.setTimeout(() => finish(event.request!, llm, job, durationMs), durationMs)
    }
  }

  function finish(request: string, llm: Llm, job: Instance['jobs'][number], durationMs: number): void {
    const usage = { input_tokens: job.inputTokens, output_tokens: job.outputTokens, cached_tokens: 0 }
    const times = { first_byte_ms: llm.firstByteMs, duration_ms: durationMs }
    const answer = { status: 200, finish_reason: 'stop', output_bytes: 0, usage, limits: [], ...times }
    world.balancer.ingest('attempt.finished', { attempt: 1, ...answer }, request, llm.name)
  }

  for (const job of jobs) {
    jobOf.set(world.balancer.nextRequestId(), job)
    world.arrives({
      input_tokens: job.inputTokens,
      output_tokens: job.outputTokens,
      max_wait_ms: PATIENCE_MS,
    })
    hear()
  }
  while (placements.length < jobs.length && clock.runNext()) hear()
  if (placements.length < jobs.length || world.fatal.length > 0) {
    throw new Error(
      `the balancer served ${placements.length} of ${jobs.length} requests ${world.fatal.join()}`,
    )
  }
  return placements
}

/** Thirty days, which no burst here takes. */
const PATIENCE_MS = 30 * 86_400_000

/** The burst is one client's, and none of it may be refused at the door. */
const ROOM_FOR_ALL = { maxRequests: 1e6, maxBytes: 1e12, maxRequestsPerClient: 1e6, maxBytesPerClient: 1e12 }

function specOf(llm: Llm): LlmSpec {
  return spec(llm.name, {
    contextLength: llm.contextLength,
    limits: llm.limits.map(limitOf),
    // Micro-USD per million tokens.
    inputPicoUsd: Math.round(llm.inputUsd * 1e6),
    outputPicoUsd: Math.round(llm.outputUsd * 1e6),
    quality: Math.round(llm.quality * 1000),
  })
}

/** The ground truth books the whole cost when a call starts and gives nothing back. */
const CHARGED_AT_START = { charge: 'reserve_no_refund' } as const

function limitOf({ unit, amount, perMs }: Limit): ProductLimit {
  const period = unit === 'concurrency' ? '' : `_per_${perMs}_ms`
  return { ...limit(unit, amount, perMs, `${unit}${period}`), ...CHARGED_AT_START }
}

function skillOf(one: LlmSpec, { firstByteMs, tokensPerSecond }: Llm) {
  return { ...initialSkill(one), firstByteMs, tokensPerSecond }
}
