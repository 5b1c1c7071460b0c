import type { Policy } from '../../../src/core/dispatch-state.ts'
import type { InputData } from '../../../src/core/events.ts'
import { initialSkill } from '../../../src/core/needs/skill.ts'
import type { LlmSpec, Limit as ProductLimit, Weights } from '../../../src/core/types.ts'
import { limit, llm as spec, startOf } from '../../support/llms.ts'
import { START } from '../../support/virtual-clock.ts'
import { openWorld, type World } from '../../support/world.ts'
import { type Instance, type Job, type Limit, type Llm, serviceMs } from './model.ts'
import type { Placement } from './simulator.ts'

/**
 * Runs a burst through the real balancer: its dispatcher, its LLM actors and their timers, on a virtual clock. Token
 * estimates are exact, speeds are known from the start, every call ends after its service time with the usage that
 * was set aside for it, and requests wait for `maxWaitMs`: as long as it takes unless told otherwise. What is left is
 * the scheduling itself and the guard that the balancer adds to every window. What was not started in time is left out.
 */
export function runBalancer(
  { llms, jobs }: Instance,
  weights: Weights,
  maxWaitMs: number = PATIENCE_MS,
): Placement[] {
  const placements: Placement[] = []
  const served = openFleet(llms, { weights, ...ROOM_FOR_ALL }, (placement) => placements.push(placement))
  for (const job of jobs) served.arrives(job, { max_wait_ms: maxWaitMs })
  const { fatal, balancer } = served.world
  while (placements.length < jobs.length && served.runNext());
  const waiting = balancer.state.queue.byId.size
  if (fatal.length > 0 || waiting > 0) throw new Error(`${waiting} requests still wait ${fatal.join()}`)
  return placements
}

/** The real balancer before LLMs that serve every job as the ground truth says. */
export interface ServedFleet {
  readonly world: World
  /** A job arrives now; the id of its request. */
  arrives(job: Job, request: Partial<InputData['request.received']>): string
  /** Lets time run to the next timer; false when none is armed. */
  runNext(): boolean
  runUntil(at: number): void
}

/** `started` hears of every start, in order. */
export function openFleet(
  llms: readonly Llm[],
  policy: Partial<Policy>,
  started: (placement: Placement) => void,
): ServedFleet {
  const specs = llms.map(specOf)
  const begun = specs.map((one, m) => ({ ...startOf(one, START), skill: skillOf(one, llms[m]!) }))
  const world = openWorld({ specs, policy, llms: begun })
  const { clock, events } = world
  const jobOf = new Map<string, Job>()
  let heard = 0

  function hear(): void {
    for (; heard < events.length; heard++) {
      const event = events[heard]!
      if (event.type !== 'request.dispatched') continue
      const job = jobOf.get(event.request!)!
      const llm = llms.find(({ name }) => name === event.llm)!
      const durationMs = serviceMs(llm, job)
      started({ job, llm, startMs: clock.now() - START, endMs: clock.now() - START + durationMs })
      clock.setTimeout(() => finish(event.request!, llm, job, durationMs), durationMs)
    }
  }

  function finish(request: string, llm: Llm, job: Job, durationMs: number): void {
    const usage = { input_tokens: job.inputTokens, output_tokens: job.outputTokens, cached_tokens: 0 }
    const times = { first_byte_ms: llm.firstByteMs, duration_ms: durationMs }
    const answer = { status: 200, finish_reason: 'stop', output_bytes: 0, usage, limits: [], ...times }
    world.balancer.ingest('attempt.finished', { attempt: 1, ...answer }, request, llm.name)
  }

  function runNext(): boolean {
    if (!clock.runNext()) return false
    hear()
    return true
  }

  return {
    world,
    arrives(job, request) {
      jobOf.set(world.balancer.nextRequestId(), job)
      const sizes = { input_tokens: job.inputTokens, output_tokens: job.outputTokens }
      const id = world.arrives({ ...sizes, ...request })
      hear()
      return id
    },
    runNext,
    runUntil(at) {
      while (clock.nextAt() <= at) runNext()
      clock.runUntil(at)
    },
  }
}

/** Thirty days, which no burst here takes. */
const PATIENCE_MS = 30 * 86_400_000

/** None may be refused at the door because the queue is full. */
export const ROOM_FOR_ALL = {
  maxRequests: 1e6,
  maxBytes: 1e12,
  maxRequestsPerClient: 1e6,
  maxBytesPerClient: 1e12,
}

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
