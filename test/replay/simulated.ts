import { parseConfig } from '../../src/config/load.ts'
import { redact } from '../../src/config/redact.ts'
import type { Event } from '../../src/core/events.ts'
import type { Written } from '../../src/replay/what-if/translate.ts'
import { simulate } from '../../src/sim/simulate.ts'
import { parseWorkload } from '../../src/sim/workload.ts'

function parsed(config: string) {
  const result = parseConfig(config, 'config.yaml')
  if (!result.ok) throw new Error(result.problems[0]?.message)
  return result.config
}

/** A configuration as a log has it. */
export function written(config: string): Written {
  return redact(parsed(config)) as Written
}

/** What `llb simulate` records of a workload under a configuration, as it comes out of a log. */
export function simulatedLog(config: string, workload: string): Event[] {
  const events: Event[] = []
  simulateInto(config, workload, (event) => void events.push(event))
  return JSON.parse(JSON.stringify(events))
}

/** The same, each event told as it is recorded. */
export function simulateInto(config: string, workload: string, event: (event: Event) => void): void {
  const loaded = parseWorkload(workload, 'workload.yaml')
  if (!loaded.ok) throw new Error(loaded.message)
  const forMs = loaded.workload.for
  simulate({ config: parsed(config), workload: loaded.workload, seed: 1, forMs, event })
}
