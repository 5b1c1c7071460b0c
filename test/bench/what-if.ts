import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNewLog } from '../../src/cli/new-log.ts'
import { openLogReader } from '../../src/log/sqlite.ts'
import { whatIf } from '../../src/replay/what-if/what-if.ts'
import { simulateInto, written } from '../replay/simulated.ts'

/** What `llb what-if` costs: CPU time for the requests of some days, under the same configuration and one more key. */

const DAYS = Number(process.argv[2] ?? 4)
const CONFIG = `
queue: { max_wait: 2m }
llms:
  - name: Hosted
    api_type: groq
    model: m
    api_key_name: A_KEY
    context_length: 131072
    requests_per_min: 30
    tokens_per_min: 6000
    cost_input: 0.59
    cost_output: 0.79
    quality: 0.8
  - { name: Home, api_type: ollama, model: n, context_length: 8192, max_concurrency: 1, quality: 0.4 }
`
const WORKLOAD = `
for: ${24 * DAYS}h
sources: [{ pattern: random, per_hour: 700, input_tokens: 300, output_tokens: 150, max_tokens: 1000 }]
llms: { Hosted: { first_byte: 300ms, tokens_per_second: 250 }, Home: { first_byte: 1s, tokens_per_second: 30 } }
`

const folder = mkdtempSync(join(tmpdir(), 'llb-bench-'))
const file = join(folder, 'events.db')
const store = createNewLog(file)
simulateInto(CONFIG, WORKLOAD, store.add)
store.close()
const log = openLogReader(file)
for (const [name, config] of [
  ['the same', CONFIG],
  ['one more key', CONFIG.replace('api_key_name: A_KEY', 'api_key_names: [A_KEY, B_KEY]')],
] as const) {
  const before = process.cpuUsage()
  const { recorded, changes } = whatIf({ log, config: written(config) })
  const { user, system } = process.cpuUsage(before)
  const seconds = (user + system) / 1e6
  const { requests } = recorded
  process.stdout.write(
    `${name}: ${requests} requests, ${log.last().seq} events, ${changes.length} changed: ${seconds.toFixed(1)} s of CPU, ${Math.round(requests / seconds)} requests/s\n`,
  )
}
log.close()
rmSync(folder, { recursive: true })
