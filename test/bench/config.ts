import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Writes a configuration with one `openai` LLM at the fake provider and gives its path. The event log is on. */
export function relayingConfig(folder: string, upstreamPort: number): string {
  return write(
    folder,
    'relaying',
    `
  - name: bench
    api_type: openai
    model: bench-model
    base_url: http://127.0.0.1:${upstreamPort}/v1
    api_key_name: ""
    context_length: 131072
    requests_per_min: 100000000
    tokens_per_min: 100000000000
    tokens_per_day: 1000000000000
    max_concurrency: 100000
    cost_input: 0.15
    cost_output: 0.60
`,
  )
}

/** Writes a configuration with one simulated LLM that answers at once. */
export function simulatedConfig(folder: string): string {
  return write(
    folder,
    'simulated',
    `
  - name: simulated
    api_type: simulated
    model: simulated
    context_length: 131072
    simulated: { tokens_per_second: 1000000, latency: 0s, output_tokens: 1 }
`,
  )
}

function write(folder: string, name: string, llms: string): string {
  const path = join(folder, `${name}.yaml`)
  const general = 'general: { listen_address: "127.0.0.1", listen_port: 0, log_level: warn }'
  writeFileSync(path, `${general}\nevent_log: { path: ${name}.db }\nllms:${llms}`)
  return path
}
