import { parseArgs } from 'node:util'
import { partOf } from '../../src/config/limits.ts'
import type { Arrival } from '../../src/sim/arrivals.ts'
import { START } from '../../src/sim/clock.ts'
import { always } from '../../src/sim/draw.ts'
import type { Counting } from '../../src/sim/meter.ts'
import type { Charge, TrueLimit } from '../../src/sim/quota.ts'
import { runWorld } from '../../src/sim/run.ts'
import { declared } from '../../src/sim/truth.ts'
import type { World } from '../../src/sim/world.ts'
import { provider, specOf } from '../sim/support.ts'
import { policyOf } from '../support/world.ts'
import { machine, writeBetweenMarkers } from './report.ts'

/**
 * For each way of counting that can be declared: many requests, travel times that differ by all of the guard, and
 * a queue that never runs dry. Prints refusals, which must be 0, and throughput against what the predicate allows,
 * which must be within 1 %. `npm run bench:limits` writes them to `docs/benchmarks.md`; `-- --requests 20000` for a look
 * does not. Ends with 1 when one is missed.
 */
const GUARD_MS = 500
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const AMOUNT = 600
/** Requests that wait at any time: enough that room is never left over. */
const WAITING = 50
/** Tokens of one request: what it asks for, and all that it takes. */
const INPUT = 6
const OUTPUT = 4

interface Case {
  readonly name: string
  readonly unit: 'requests' | 'tokens'
  readonly counting: Counting
  readonly charge: Charge
  readonly perMs: number
  /** The part of the period that the limit is also kept in; equal to `perMs` where there is none. */
  readonly quantumMs: number
  /** How long the balancer lets a request count, apart from the time its call takes. */
  readonly countsMs: number
  /** Whether what is reserved counts from the end of the call. */
  readonly held: boolean
  /** Whether room comes back bit by bit, not a window at a time. */
  readonly flows: boolean
}

function requests(name: string, counting: Counting, perMs = MINUTE_MS, countsMs = perMs + GUARD_MS): Case {
  const flows = counting.kind === 'bucket' || counting.kind === 'counter'
  const rest = { charge: 'reserve_trueup', perMs, quantumMs: perMs, countsMs, held: false, flows } as const
  return { name, unit: 'requests', counting, ...rest }
}

/** The provider lets each quantum have its share alone; the shorter window is what binds. */
function quantised(name: string, quantumMs: number): Case {
  const counting = { kind: 'quantised', sliceMs: quantumMs, phaseMs: 345 } as const
  return { ...requests(name, counting), quantumMs, countsMs: quantumMs + GUARD_MS }
}

function tokens(charge: Charge, held: boolean): Case {
  const countsMs = MINUTE_MS + GUARD_MS
  const name = `tokens, ${charge}`
  return {
    name,
    unit: 'tokens',
    counting: { kind: 'sliding' },
    charge,
    perMs: MINUTE_MS,
    quantumMs: MINUTE_MS,
    countsMs,
    held,
    flows: false,
  }
}

const LOS_ANGELES = { kind: 'calendar', zone: 'America/Los_Angeles', period: 'day' } as const

/** A weighted counter of two windows sustains one request less in each. */
const counterMs = ((MINUTE_MS + GUARD_MS) * AMOUNT) / (AMOUNT - 1)

/** One line for each way of counting. */
const CASES: readonly Case[] = [
  requests('fixed', { kind: 'fixed', phaseMs: 12_345 }),
  requests('anchored', { kind: 'anchored' }),
  requests('sliding', { kind: 'sliding' }),
  requests('bucket', { kind: 'bucket', capacity: AMOUNT }, MINUTE_MS, MINUTE_MS),
  requests('small bucket', { kind: 'bucket', capacity: AMOUNT / 10 }, MINUTE_MS, MINUTE_MS),
  requests('counter', { kind: 'counter', phaseMs: 12_345 }, MINUTE_MS, counterMs),
  quantised('in parts of 10 s', 10_000),
  quantised('in parts of 1 s', 1_000),
  requests('calendar day', LOS_ANGELES, DAY_MS, DAY_MS),
  tokens('reserve_no_refund', false),
  tokens('reserve_trueup', false),
  tokens('input_uncached_only', false),
  tokens('actual_at_end', true),
  tokens('actual_as_produced', true),
]

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
  maxWaitMs: 20 * DAY_MS,
  inputTokens: INPUT,
  cachedTokens: 0,
  boundTokens: OUTPUT,
  answerTokens: OUTPUT,
  leavesAfterMs: null,
}

function measure(subject: Case, most: number): Row {
  const { name, unit, counting, charge, perMs, quantumMs, countsMs, held, flows } = subject
  const limit: TrueLimit = { name: unit, unit, amount: AMOUNT, perMs, counting, charge, promised: true }
  const network = { leastMs: 10, jitterMs: GUARD_MS }
  const providers = [provider('A', { limits: [limit], latencyMs: always(200), network })]
  const whole = declared(limit)
  const limits = quantumMs === perMs ? [whole] : [whole, partOf(whole, quantumMs)]
  // From the third window on, at the first start of a window, to the first start of the last one.
  const apartMs = flows ? 0 : quantumMs / 12
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
            if (since === 0 && event.at > START + 2 * perMs) [since, skipped] = [event.at, dispatched]
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
  const perWindow = ((unit === 'requests' ? AMOUNT : AMOUNT / (INPUT + OUTPUT)) * quantumMs) / perMs
  const windowMs = countsMs + (held ? callMs / sent : 0)
  const share = (beforeLast - skipped) / perWindow / ((groupAt - since) / windowMs)
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
    `${name.padEnd(28)} ${refused} 429s, ${rate}, ${cpuUs.toFixed(0)} us CPU per request${met ? '' : '  MISSED'}\n`,
  )
}
const document = new URL('../../docs/benchmarks.md', import.meta.url).pathname
if (most === REQUESTS) writeBetweenMarkers(document, render(rows), 'npm run bench:limits')
process.exit(missed ? 1 : 0)
