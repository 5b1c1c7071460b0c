import { parseArgs } from 'node:util'
import type { Arrival } from '../../src/sim/arrivals.ts'
import { START } from '../../src/sim/clock.ts'
import { always } from '../../src/sim/draw.ts'
import { runWorld } from '../../src/sim/run.ts'
import type { World } from '../../src/sim/world.ts'
import { provider, specOf } from '../sim/support.ts'
import { policyOf } from '../support/world.ts'
import { CASES, type Case, GUARD_MS, TOKENS } from './limits-cases.ts'
import { machine, writeBetweenMarkers } from './report.ts'

/**
 * For each way of counting that can be declared: many requests, travel times that differ by all of the guard, and
 * a queue that never runs dry. Prints refusals, which must be 0, and throughput against what the predicate allows,
 * which must be within 1 %. `npm run bench:limits` writes them to `docs/benchmarks.md`; `-- --requests 20000` for a look
 * does not. Ends with 1 when one is missed.
 */
/** Requests that wait at any time: enough that room is never left over. */
const WAITING = 50
/** Longer than any limit keeps a request waiting. */
const PATIENCE_MS = 90 * 86_400_000
/** Longer than the guard, which would else hide that a charge counts from the end of a call. */
const LATENCY_MS = 3000
/** Nothing is measured before this. */
const RUN_UP_MS = 120_000

interface Row {
  readonly name: string
  readonly refused: number
  /** Throughput as a share of what the predicate allows. */
  readonly share: number
  readonly cpuUs: number
}

const arrival: Omit<Arrival, 'at'> = {
  client: 'bench',
  model: 'auto',
  priority: 'normal',
  stream: false,
  maxWaitMs: PATIENCE_MS,
  inputTokens: TOKENS.input,
  cachedTokens: TOKENS.cached,
  boundTokens: TOKENS.bound,
  answerTokens: TOKENS.answer,
  leavesAfterMs: null,
}

function measure({ name, truth, limits, requests, countsMs, held, flows }: Case, most: number): Row {
  const network = { leastMs: 10, jitterMs: GUARD_MS }
  const providers = [provider('A', { limits: [truth], latencyMs: always(LATENCY_MS), network })]
  // From the third window on, at the first start of a window, to the first start of the last one.
  const apartMs = flows ? 0 : countsMs / 12
  const runUpMs = Math.max(RUN_UP_MS, 2 * truth.perMs)
  let [sent, dispatched, since, skipped, groupAt, lastAt, beforeLast, callMs] = [1, 0, 0, 0, 0, 0, 0, 0]
  const before = process.cpuUsage()
  const { counters } = runWorld({
    seed: 1,
    policy: policyOf([specOf(providers[0]!, { limits })], { maxRequests: 1000 }),
    providers,
    arrivals: [{ ...arrival, at: START }],
    observers: [
      {
        event(event) {
          if (event.type === 'attempt.finished') callMs += event.data.duration_ms
          if (event.type !== 'request.dispatched') return
          if (event.at > lastAt + apartMs) {
            if (since === 0 && event.at > START + runUpMs) [since, skipped] = [event.at, dispatched]
            groupAt = event.at
            beforeLast = dispatched
          }
          lastAt = event.at
          dispatched++
        },
        turn(world: World) {
          const { queue } = world.life.balancer.state
          for (; queue.byId.size < WAITING && sent < most; sent++)
            world.arrive({ ...arrival, at: world.clock.now() })
        },
      },
    ],
  })
  const { user, system } = process.cpuUsage(before)
  const windowMs = countsMs + (held ? callMs / sent : 0)
  const share = (beforeLast - skipped) / requests / ((groupAt - since) / windowMs)
  return { name, refused: counters.refused, share, cpuUs: (user + system) / sent }
}

const REQUESTS = 1_000_000

function render(rows: readonly Row[]): string {
  return [
    `${REQUESTS.toLocaleString('en')} simulated requests each; travel times differ by up to the guard, ${GUARD_MS} ms.`,
    '',
    '| limit | 429s | throughput, of what its predicate allows | CPU per request |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      ({ name, refused, share, cpuUs }) =>
        `| ${name} | ${refused} | ${(share * 100).toFixed(2)} % | ${cpuUs.toFixed(0)} us |`,
    ),
    '',
    machine(),
  ].join('\n')
}

const { values } = parseArgs({ options: { requests: { type: 'string', default: String(REQUESTS) } } })
const most = Number(values.requests)
const rows: Row[] = []
let missed = false
process.stdout.write(`${most} requests each, travel times from 10 to ${10 + GUARD_MS} ms\n`)
for (const one of CASES) {
  const row = measure(one, most)
  const { name, refused, share, cpuUs } = row
  rows.push(row)
  const met = refused === 0 && share > 0.99 && share < 1.01
  missed ||= !met
  const rate = `${(share * 100).toFixed(2)} % of the rate its predicate allows`
  process.stdout.write(
    `${name.padEnd(45)} ${refused} 429s, ${rate}, ${cpuUs.toFixed(0)} us CPU per request${met ? '' : '  MISSED'}\n`,
  )
}
const document = new URL('../../docs/benchmarks.md', import.meta.url).pathname
if (most === REQUESTS) writeBetweenMarkers(document, render(rows), 'npm run bench:limits')
process.exit(missed ? 1 : 0)
