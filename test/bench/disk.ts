import { rmSync, writeFileSync } from 'node:fs'
import { say, startWorld, type World } from '../e2e/world.ts'

/**
 * What a disk that takes a second for every commit does to streams that are under way: the time between two pieces of
 * a stream as its client sees them, in alternating spans with and without it. Of the 99th percentiles of the spans the
 * median counts, since other work on the machine spoils some. `npm run bench:disk` ends with 1 when that of the slow
 * spans is more than 5 ms above that of the others.
 */
const STREAMS = 40
const SPANS = 14
const SPAN_MS = 2000
/** Between two spans, for commits that were begun to end. */
const BETWEEN_MS = 1200
const CHUNK_MS = 25
/** Between two other requests, whose commits the disk holds up. */
const ASK_MS = 100
const MOST_MS = 5

/** The gaps of each span. */
const spans: Record<'usual' | 'slow', number[][]> = { usual: [], slow: [] }
let span: number[] | null = null

const chunks = Math.ceil(((SPAN_MS + BETWEEN_MS) * (SPANS + 1)) / CHUNK_MS)
const world = await startWorld({
  runtime: 'bun',
  llms: {
    long: { options: { outputTokens: chunks, chunkDelayMs: CHUNK_MS } },
    short: { options: { outputTokens: 5 } },
  },
  script: 'test/e2e/slow-disk.ts',
})
const mark = `${world.server.dbPath}.slow`
// The end of the server is the end of the streams.
for (let i = 0; i < STREAMS; i++) listen(world).catch(() => undefined)
await pause(BETWEEN_MS)
let answered = 0
const asking = setInterval(() => {
  world.ask(say('short', 'x')).then(
    () => answered++,
    () => undefined,
  )
}, ASK_MS)
for (let i = 0; i < SPANS; i++) {
  const kind = i % 2 === 0 ? 'usual' : 'slow'
  if (kind === 'slow') writeFileSync(mark, '')
  span = []
  spans[kind].push(span)
  await pause(SPAN_MS)
  span = null
  rmSync(mark, { force: true })
  await pause(BETWEEN_MS)
}
clearInterval(asking)
const health = ((await (await fetch(`${world.server.url}/ready`)).json()) as { log: object }).log
await world.close()

const rise = typical(spans.slow, 0.99) - typical(spans.usual, 0.99)
for (const [kind, all] of Object.entries(spans)) {
  const [median, high] = [typical(all, 0.5), typical(all, 0.99)].map((ms) => ms.toFixed(1))
  process.stdout.write(`${kind}: ${all.flat().length} pieces, median ${median} ms, p99 ${high} ms\n`)
}
process.stdout.write(
  `${answered} other answers; log ${JSON.stringify(health)}; p99 rises by ${rise.toFixed(1)} ms\n`,
)
process.exit(rise <= MOST_MS ? 0 : 1)

async function listen({ ask }: World<'long' | 'short'>): Promise<void> {
  const answer = await ask(say('long', 'x', { stream: true }))
  let last = performance.now()
  for await (const _ of answer.body!) {
    const now = performance.now()
    span?.push(now - last)
    last = now
  }
}

/** The median of a percentile over the spans. */
function typical(all: readonly number[][], share: number): number {
  return percentile(
    all.map((gaps) => percentile(gaps, share)),
    0.5,
  )
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
