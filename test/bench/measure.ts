import { drive } from './load.ts'
import { cpuMs, type Running, residentMb, start } from './process.ts'

/** How much is measured. */
export interface Size {
  readonly rounds: number
  readonly requests: number
  readonly streams: number
  readonly chunks: number
  readonly crowd: number
  readonly starts: number
}

/** The processes under test: two pass-throughs and the balancer. */
export interface Proxies {
  readonly forward: Running
  readonly bare: Running
  readonly own: Running
}

/** CPU time of each process in microseconds, and the median over all rounds of the balancer's ratio to each other. */
export interface Cost {
  readonly bareUs: number
  readonly forwardUs: number
  readonly ownUs: number
  readonly ratio: number
  readonly forwardRatio: number
  readonly errors: number
}

export interface Crowd {
  readonly streams: number
  readonly errors: number
  readonly residentMb: number
}

const CONCURRENCY = 64
const CHUNK_INTERVAL_MS = 20
const CROWD_CHUNKS = 20
const CROWD_INTERVAL_MS = 200

/** CPU time per whole answer. */
export function wholeCost(proxies: Proxies, { rounds, requests }: Size): Promise<Cost> {
  const load = { requests, concurrency: CONCURRENCY, body: chat({}) }
  return compare(proxies, rounds, requests, (port) => drive({ port, ...load }))
}

/** CPU time per streamed chunk: all streams of a round run at once. What a stream costs to start is in it. */
export function chunkCost(proxies: Proxies, { rounds, streams, chunks }: Size): Promise<Cost> {
  const load = { requests: streams, concurrency: streams, body: streamed(chunks, CHUNK_INTERVAL_MS) }
  return compare(proxies, rounds, streams * chunks, (port) => drive({ port, ...load }))
}

/** Many streams at once, all of them open for about four seconds. */
export async function crowdOf(own: Running, streams: number): Promise<Crowd> {
  const body = streamed(CROWD_CHUNKS, CROWD_INTERVAL_MS)
  const run = drive({ port: own.port, requests: streams, concurrency: streams, body })
  let peakMb = 0
  const look = setInterval(() => {
    peakMb = Math.max(peakMb, residentMb(own.pid))
  }, 100)
  const errors = await run
  clearInterval(look)
  return { streams, errors, residentMb: peakMb }
}

/** Milliseconds from starting a process to its first whole answer, median of several starts. */
export async function startUp(args: readonly string[], starts: number): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < starts; run++) {
    const since = performance.now()
    const server = await start(args)
    const errors = await drive({ port: server.port, requests: 1, concurrency: 1, body: chat({}) })
    times.push(errors === 0 ? performance.now() - since : Number.POSITIVE_INFINITY)
    await server.stop()
  }
  return median(times)
}

/** Resident memory in MB of a fresh process that has answered once and then had nothing to do for a second. */
export async function idleMemory(args: readonly string[]): Promise<number> {
  const server = await start(args)
  await drive({ port: server.port, requests: 1, concurrency: 1, body: chat({}) })
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const mb = residentMb(server.pid)
  await server.stop()
  return mb
}

/** Rounds that warm up and do not count: the runtime goes on compiling for about 20,000 requests. */
const WARM_UP_ROUNDS = 3

/** The same load on one process after the other, round after round, so that a busy moment of the machine hits all. */
async function compare(
  { forward, bare, own }: Proxies,
  rounds: number,
  units: number,
  load: (port: number) => Promise<number>,
): Promise<Cost> {
  let errors = 0
  const costUs = async ({ pid, port }: Running) => {
    const before = cpuMs(pid)
    errors += await load(port)
    return ((cpuMs(pid) - before) * 1000) / units
  }
  const counted: { forwardUs: number; bareUs: number; ownUs: number }[] = []
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const costs = {
      forwardUs: await costUs(forward),
      bareUs: await costUs(bare),
      ownUs: await costUs(own),
    }
    if (round >= 0) counted.push(costs)
  }
  return {
    forwardUs: median(counted.map(({ forwardUs }) => forwardUs)),
    bareUs: median(counted.map(({ bareUs }) => bareUs)),
    ownUs: median(counted.map(({ ownUs }) => ownUs)),
    ratio: median(counted.map(({ bareUs, ownUs }) => ownUs / bareUs)),
    forwardRatio: median(counted.map(({ forwardUs, ownUs }) => ownUs / forwardUs)),
    errors,
  }
}

function chat(more: Record<string, unknown>): string {
  const content = 'Tell me in a few words what a load balancer does. '.repeat(4)
  return JSON.stringify({ model: 'auto', messages: [{ role: 'user', content }], ...more })
}

function streamed(chunks: number, intervalMs: number): string {
  const options = { stream: true, stream_options: { include_usage: true } }
  return chat({ ...options, max_tokens: chunks, seed: intervalMs })
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
