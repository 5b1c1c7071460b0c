import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../src/config/config.ts'
import { configHash } from '../../src/config/redact.ts'
import type { Event } from '../../src/core/events.ts'
import { VERSION } from '../../src/cli/version.ts'
import { drawSwarm } from '../../src/sim/swarm.ts'
import { runTrial } from '../../src/sim/trial.ts'
import { recordLive } from '../e2e/live-log.ts'

/**
 * Writes the golden logs of this version, beside this file: `bun test/golden/record.ts`.
 * Those that are there stay as they are.
 */

/** A drawn world with three processes, five kinds of lessons, clients that leave and calls that fail. */
const SEED = 2595

async function live(): Promise<Event[]> {
  const world = await recordLive({ runtime: 'bun', bursts: 2, requests: 40 })
  const events = world.log()
  await world.close()
  return events.map(elsewhere)
}

/** Where the log lay while it was recorded is nobody's business. */
function elsewhere(event: Event): Event {
  if (event.type !== 'process.started') return event
  const config = event.data.config as Config
  const moved = { ...config, eventLog: { ...config.eventLog, path: '/var/lib/llb/events.db' } }
  return { ...event, data: { ...event.data, config: moved, config_hash: configHash(moved) } }
}

function write(name: string, events: readonly Event[]): void {
  const path = join(import.meta.dirname, `${VERSION}-${name}.jsonl`)
  const lines = events.map(({ seq, at, type, v, request, llm, data }) =>
    JSON.stringify({ seq, at, type, v, request, llm, data }),
  )
  writeFileSync(path, `${lines.join('\n')}\n`, { flag: 'wx' })
  process.stdout.write(`${path}: ${events.length} events\n`)
}

write('simulated', runTrial(drawSwarm(SEED)).events)
write('live', await live())
