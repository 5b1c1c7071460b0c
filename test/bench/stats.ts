import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dimension } from '../../src/log/stats/groups.ts'
import { openLog, openLogReader } from '../../src/log/sqlite.ts'
import { createStats } from '../../src/log/stats/stats.ts'
import { limit, llm } from '../support/llms.ts'
import { openWorld } from '../support/world.ts'

/** How many events of a log `llb stats` goes through in a second, by the clock and of CPU time. `npm run bench:stats`, with the number of events. */

const EVENTS = Number(process.argv[2] ?? 1_000_000)
/** Events of one commit, and requests that are under way at once. */
const PER_COMMIT = 16
const AT_ONCE = 8

const specs = ['A', 'B', 'C'].map((name) =>
  llm(name, {
    inputPicoUsd: 1_000_000,
    limits: [limit('requests', 1e9), limit('tokens', 1e9), limit('concurrency', 100)],
  }),
)

/** Answers on several LLMs for several clients, one in eight of them after a failure. */
function fill(path: string): void {
  const log = openLog(path)
  const world = openWorld({ specs })
  let seq = 0
  const write = (all: boolean) => {
    while (world.events.length >= PER_COMMIT || (all && world.events.length > 0))
      log.append(world.events.splice(0, PER_COMMIT).map((event) => ({ ...event, seq: ++seq })))
  }
  for (let i = 0; seq < EVENTS; i += AT_ONCE) {
    const ids = Array.from({ length: AT_ONCE }, (_, k) => world.arrives({ client: `client ${(i + k) % 10}` }))
    world.clock.advance(37)
    world.fails(ids[0]!, 'server_error')
    world.clock.advance(63)
    for (const [k, id] of ids.entries()) world.finishes(id, { input: 100 + k, output: 50 + k })
    write(false)
  }
  write(true)
  log.close()
}

function measure(path: string, by: readonly Dimension[]): void {
  const reader = openLogReader(path)
  const start = performance.now()
  const cpu = process.cpuUsage()
  const fold = createStats({ since: 0, by, llms: specs })
  for (const event of reader.readFrom(0)) fold.take(event)
  const { events, groups } = fold.result()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const rate = (seconds: number) => `${Math.round(events / seconds).toLocaleString('en-US')} events/s`
  const memory = Math.round(process.memoryUsage().rss / 1e6)
  process.stdout.write(
    `by ${by.join()}: ${events} events, ${groups.length} groups, ${rate(ms / 1000)}, ${rate((user + system) / 1e6)} of CPU time, ${memory} MB\n`,
  )
  reader.close()
}

const folder = mkdtempSync(join(tmpdir(), 'llb-stats-'))
try {
  const path = join(folder, 'events.db')
  fill(path)
  process.stdout.write(`a log of ${Math.round(statSync(path).size / 1e6)} MB\n`)
  for (const by of [['llm'], ['client', 'llm'], ['hour']] as const) measure(path, by)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
