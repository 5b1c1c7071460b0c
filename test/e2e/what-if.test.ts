import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WhatIf } from '../../src/replay/what-if/what-if.ts'
import { type RunningServer, runCommand, startServer } from './harness.ts'

const CONFIG = `
general: { jitter_guard: 20ms }
queue: { max_wait: 4s }
clients: []
llms:
  - name: Fast
    api_type: simulated
    model: fast
    context_length: 8000
    quality: 0.9
    limits: [{ unit: requests, amount: 5, per: 1s }]
    simulated: { tokens_per_second: 500, latency: 20ms, output_tokens: 10, faults: { error_500: 0.1, error_429: 0.05 } }
  - name: Slow
    api_type: simulated
    model: slow
    context_length: 8000
    quality: 0.2
    max_concurrency: 2
    simulated: { tokens_per_second: 100, latency: 50ms, output_tokens: 10 }
`

let server: RunningServer
beforeAll(async () => {
  server = await startServer({ runtime: 'node', config: CONFIG })
  await burst(40, (i) => i === 25 && server.kill('SIGKILL'))
  await server.exited
  server = await startServer({ runtime: 'node', config: CONFIG, dir: server.dir })
  await burst(40)
  server.kill('SIGTERM')
  await server.exited
}, 120_000)
afterAll(() => server?.discard())

/** Requests of which each tenth is left by its client; whatever becomes of them, the log has it. */
async function burst(requests: number, comes: (i: number) => void = () => {}): Promise<void> {
  const { url } = server
  const ask = async (i: number) => {
    await new Promise((resolve) => setTimeout(resolve, 10 * i))
    comes(i)
    const body = JSON.stringify({
      model: 'auto',
      stream: i % 2 === 0,
      messages: [{ role: 'user', content: 'word '.repeat(i) }],
    })
    const signal = i % 10 === 9 ? AbortSignal.timeout(60) : null
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body, headers, signal })
    await answer.text()
  }
  await Promise.allSettled(Array.from({ length: requests }, (_, i) => ask(i)))
}

async function whatIf(config: string): Promise<WhatIf> {
  const file = join(server.dir, 'other.yaml')
  writeFileSync(file, config)
  const args = ['what-if', '--config', file, '--log', server.dbPath, '--json']
  const { code, stdout, stderr } = await runCommand('node', args, { cwd: server.dir })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as WhatIf
}

test('the log of a live server, its timers late and one process killed, is reproduced under its own configuration', async () => {
  const result = await whatIf(CONFIG)
  expect(result).toMatchObject({ processes: 2, configurations: 1, parted_after: null, changes: [] })
  expect(result.other).toEqual(result.recorded)
  expect(result.recorded.completed).toBeGreaterThan(30)
  expect(result.recorded.failed).toBeGreaterThan(0)
  expect(result.recorded.abandoned).toBeGreaterThan(0)
})

test('under a wider limit the same requests wait less, mostly with the service times of the log', async () => {
  const result = await whatIf(CONFIG.replace('amount: 5', 'amount: 20'))
  expect(result.parted_after).not.toBeNull()
  expect(result.other.wait.p95_ms).toBeLessThan(result.recorded.wait.p95_ms)
  const { recorded, measured, configured, assumed } = result.provenance
  expect(recorded).toBeGreaterThan(20)
  expect(measured).toBeGreaterThan(0)
  expect([configured, assumed]).toEqual([0, 0])
})
