import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { createNewLog } from '../../../src/cli/new-log.ts'
import type { Config } from '../../../src/config/config.ts'
import { formatProblems, parseConfig } from '../../../src/config/load.ts'
import { DAY_MS } from '../../../src/core/time.ts'
import { simulate } from '../../../src/sim/simulate.ts'
import { drawSwarm } from '../../../src/sim/swarm.ts'
import { runTrial } from '../../../src/sim/trial.ts'
import { loadWorkload } from '../../../src/sim/workload.ts'
import { recordLive } from '../../e2e/live-log.ts'
import { RUNTIMES } from '../../e2e/runtimes.ts'

/** Logs of one origin. */
export interface Recorded {
  readonly what: string
  readonly files: readonly string[]
}

/** Keys of two providers with windows of several kinds, shared and paced, for more than they let in. */
const SCARCE = `
queue: { max_wait: 2m }
clients: [{ name: people, api_key_name: P, weight: 3 }, { name: reports, api_key_name: R, priority: low }]
llms:
  - { name: Groq, api_type: groq, model: m, api_key_names: [A, B], context_length: 131072, requests_per_min: 8, tokens_per_min: 6000, requests_per_day: 3000, cost_input: 0.6, quality: 0.8 }
  - { name: Gemini, api_type: google, model: g, api_key_name: C, context_length: 1000000, requests_per_min: 10, tokens_per_day: 900000, quality: 0.9 }
  - { name: Home, api_type: ollama, model: l, context_length: 8192, max_concurrency: 1, quality: 0.4 }
`

const parsed = (text: string): Config => {
  const result = parseConfig(text, 'bench.yaml')
  if (!result.ok) throw new Error(formatProblems(result.problems))
  return result.config
}

/** Simulated office days under a configuration with scarce limits, one log for each seed, until there are `events`. */
export function recordSimulated(
  folder: string,
  { events, days }: { events: number; days: number },
): Recorded {
  const config = parsed(SCARCE)
  const workload = loadWorkload('office-day')
  if (!workload.ok) throw new Error(workload.message)
  const files: string[] = []
  let count = 0
  for (let seed = 1; count < events; seed++) {
    const file = join(folder, `simulated-${seed}.db`)
    const log = createNewLog(file)
    simulate({
      ...{ config, workload: workload.workload, seed, forMs: days * DAY_MS },
      event(event) {
        count++
        log.add(event)
      },
    })
    log.close()
    files.push(file)
  }
  return { what: `office days, simulated, ${files.length} seeds`, files }
}

/** Drawn worlds with crashes, faults and providers that count otherwise than declared, one log for each. */
export function recordDrawn(folder: string, worlds: number): Recorded {
  const files: string[] = []
  for (let seed = 1; seed <= worlds; seed++) {
    const file = join(folder, `drawn-${seed}.db`)
    const log = createNewLog(file)
    for (const event of runTrial(drawSwarm(seed)).events) log.add(event)
    log.close()
    files.push(file)
  }
  return { what: `${worlds} drawn worlds`, files }
}

/** Servers over live sockets between faulty providers, killed in the middle of every burst but the last. */
export async function recordOverSockets(
  folder: string,
  { bursts, requests }: { bursts: number; requests: number },
): Promise<Recorded[]> {
  const recorded: Recorded[] = []
  for (const runtime of RUNTIMES) {
    const world = await recordLive({ runtime, bursts, requests })
    const file = join(folder, `live-${runtime}.db`)
    copyFileSync(world.server.dbPath, file)
    await world.close()
    recorded.push({ what: `a server on ${runtime}, ${bursts - 1} kills`, files: [file] })
  }
  return recorded
}
