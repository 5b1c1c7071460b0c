import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/load.ts'
import { type Deciding, decidingOf, policyOf } from '../../src/config/policy.ts'
import { redact } from '../../src/config/redact.ts'
import { type Started, startFrom } from '../../src/config/start.ts'
import { drawSwarm } from '../../src/sim/swarm.ts'
import { ROOT } from '../e2e/runtimes.ts'
import { llm } from '../support/llms.ts'
import { policyOf as policyFor } from '../support/world.ts'

const parsed = (text: string): Config[] => {
  const result = parseConfig(text, '/etc/llb.yaml')
  return result.ok ? [result.config] : []
}

/** The configurations that are shipped or stand in a document. */
function configurations(): Config[] {
  const documents = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)]
  const texts = documents
    .filter((name) => name.endsWith('.md'))
    .map((name) => readFileSync(join(ROOT, name), 'utf8'))
  const blocks = texts.flatMap((text) =>
    [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, block = '']) => block),
  )
  return [readFileSync(join(ROOT, 'config.yaml'), 'utf8'), ...blocks].flatMap(parsed)
}

const fromLog = (value: unknown) => JSON.parse(JSON.stringify(value)) as Deciding

describe('a configuration gives the same policy once it was in the log:', () => {
  test('those that are shipped and documented, but for what an address may hide', () => {
    const configs = configurations()
    expect(configs.length).toBeGreaterThan(3)
    for (const config of configs) {
      const llms = config.llms.map((spec, i) => ({
        ...spec,
        baseUrl: (redact(config) as Config).llms[i]!.baseUrl,
      }))
      expect(policyOf(fromLog(redact(config)))).toStrictEqual(policyOf({ ...config, llms }))
    }
  })

  test('any policy of a drawn world', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const { policy } = drawSwarm(seed)
      expect(policyOf(fromLog(decidingOf(policy)))).toStrictEqual(policy)
    }
  })

  test.each([
    'cost_input: .inf',
    'cost_output: .inf',
    'quality: .nan',
    'requests_per_min: .inf',
    'context_length: .inf',
    'first_byte_timeout: .inf',
  ])('one that JSON cannot write is not let in, %s', (line) => {
    const text = (more: string) => `llms: [{ name: A, api_type: ollama, model: m, ${more} }]`
    expect(parsed(text('context_length: 10'))).toHaveLength(1)
    expect(parsed(text(line))).toEqual([])
  })
})

test('a start rests on what the process says of itself alone: its configuration, who is disabled, and an instant', () => {
  const started: Started = {
    ...{ version: '1', runtime: 'node', seed: 1, config_hash: '' },
    config: fromLog(decidingOf(policyFor([llm('A'), llm('B')]))),
    recovered_at: 4711,
    disabled: [{ llm: 'B', because: 'B_KEY is not set' }],
  }
  let asked = 0
  const { policy, recovered } = startFrom(started, (since) => {
    asked = since
    return []
  })
  expect(asked).toBe(4711 - 2 * 86_400_000)
  expect(policy.specs.map(({ name }) => name)).toEqual(['A', 'B'])
  expect(recovered.llms.map(({ status, because, since }) => ({ status, because, since }))).toEqual([
    { status: 'available', because: null, since: 4711 },
    { status: 'disabled', because: 'B_KEY is not set', since: 4711 },
  ])
})
