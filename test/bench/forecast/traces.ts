import { createRandom, type Random } from '../../../src/core/random.ts'
import { exponential, pick } from '../../../src/sim/draw.ts'
import { FLEETS } from '../scheduling/fleets.ts'
import { isEligible, type Job, type Llm } from '../scheduling/model.ts'
import { MIXES } from '../scheduling/workloads.ts'

/** A request of a trace: when it comes, whose it is and how long it may wait. Times in ms from the start. */
export interface Arrival extends Job {
  readonly atMs: number
  readonly client: string
  readonly maxWaitMs: number
}

export interface Trace {
  readonly name: string
  readonly kind: string
  readonly llms: readonly Llm[]
  readonly arrivals: readonly Arrival[]
}

export const DURATION_MS = 6 * 60_000
const WAITS_MS = [5_000, 15_000, 30_000, 60_000, 120_000, 180_000]

/** Requests that the fleet can start in a minute, about: what its limits let through of jobs of the mix. */
function perMinute(llms: readonly Llm[], mix: string): number {
  const random = createRandom(0, `pace/${mix}`)
  let tokens = 0
  for (let i = 0; i < 1000; i++) tokens += MIXES[mix]!(random)
  const mean = tokens / 1000
  return llms.reduce((sum, llm) => sum + paceOf(llm, mean), 0)
}

function paceOf({ limits, firstByteMs, tokensPerSecond }: Llm, meanTokens: number): number {
  const paces = limits.map(({ unit, amount, perMs }) => {
    if (unit === 'concurrency')
      return (amount * 60_000) / (firstByteMs + (meanTokens * 250) / tokensPerSecond)
    if (perMs > 60_000) return Number.POSITIVE_INFINITY
    return ((unit === 'requests' ? amount : amount / meanTokens) * 60_000) / perMs
  })
  return Math.min(...paces)
}

type Times = (ratePerMs: number, random: Random) => number[]

/** Arrivals as they come from many people at once. */
const steady =
  (load: number): Times =>
  (rate, random) => {
    const times: number[] = []
    for (let at = 0; ; ) {
      at += Math.max(1, Math.round(exponential(random) / (rate * load)))
      if (at >= DURATION_MS) return times
      times.push(at)
    }
  }

/** Every `everyMs` as many at once as could be served in it times `load`, and a few in between. */
const bursts =
  (load: number, everyMs: number): Times =>
  (rate, random) => {
    const times = steady(0.3)(rate, random)
    for (let start = 0; start < DURATION_MS; start += everyMs) {
      const count = Math.round(rate * everyMs * load)
      for (let i = 0; i < count; i++) times.push(start + random.integer(2000))
    }
    return times.sort((a, b) => a - b)
  }

/** By request or by client, how long a request may wait. */
const KINDS: Readonly<
  Record<string, { times: Times; clients: number; waits: 'alike' | 'by client' | 'mixed' }>
> = {
  'overload 1.2x': { times: steady(1.2), clients: 1, waits: 'alike' },
  'overload 2x': { times: steady(2), clients: 1, waits: 'alike' },
  'bursts, one client': { times: bursts(1, 90_000), clients: 1, waits: 'alike' },
  'bursts, several clients': { times: bursts(1, 90_000), clients: 4, waits: 'by client' },
  'overload 1.2x, several clients': { times: steady(1.2), clients: 4, waits: 'by client' },
  'overload 1.2x, mixed deadlines': { times: steady(1.2), clients: 2, waits: 'mixed' },
}

export function createTraces(seeds: readonly number[], fleets = Object.keys(FLEETS)): Trace[] {
  return fleets.flatMap((fleet) =>
    Object.keys(KINDS).flatMap((kind) => seeds.map((seed) => createTrace(fleet, kind, seed))),
  )
}

export function createTrace(fleet: string, kind: string, seed: number): Trace {
  const llms = FLEETS[fleet]!
  const { times, clients, waits } = KINDS[kind]!
  const random = createRandom(seed, `${fleet}/${kind}`)
  const mix = pick(Object.keys(MIXES), random)
  const waitOf = new Map(Array.from({ length: clients }, (_, i) => [`client-${i}`, pick(WAITS_MS, random)]))
  const arrivals = times(perMinute(llms, mix) / 60_000, random).map((atMs, id) => {
    const client = `client-${random.integer(clients)}`
    const maxWaitMs = waits === 'mixed' ? pick(WAITS_MS, random) : waitOf.get(client)!
    return { ...jobFor(llms, id, mix, random), atMs, client, maxWaitMs }
  })
  return { name: `${fleet}, ${kind}, ${mix}, seed ${seed}`, kind, llms, arrivals }
}

function jobFor(llms: readonly Llm[], id: number, mix: string, random: Random): Job {
  for (;;) {
    const tokens = MIXES[mix]!(random)
    const outputTokens = Math.max(1, Math.min(2000, Math.floor((tokens * (10 + random.integer(31))) / 100)))
    const job = { id, inputTokens: tokens - outputTokens, outputTokens }
    if (llms.some((llm) => isEligible(llm, job))) return job
  }
}
