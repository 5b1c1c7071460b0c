import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { loadWorkload, parseWorkload, sourcesOf } from '../../src/sim/workload.ts'
import { WORKLOADS } from '../../src/sim/workloads.ts'

const CONFIG = `
queue: { max_wait: 90s }
clients: [{ name: vip, api_key_name: VIP_KEY, priority: high }]
llms: [{ name: Sim, api_type: simulated, model: sim }]
`

function configOf(text = CONFIG) {
  const result = parseConfig(text, 'config.yaml')
  if (!result.ok) throw new Error(result.problems[0]?.message)
  return result.config
}

function sources(text: string) {
  const result = parseWorkload(text, 'w.yaml')
  if (!result.ok) throw new Error(result.message)
  return sourcesOf(result.workload, configOf())
}

test.each(Object.keys(WORKLOADS))('the workload %s is valid', (name) => {
  const result = loadWorkload(name)
  expect(result.ok && result.workload.sources.length).toBeGreaterThan(0)
})

describe('a source', () => {
  test('takes what it does not say from the configuration', () => {
    expect(sources('sources: [{ client: vip, pattern: steady, per_hour: 60 }]')).toEqual([
      {
        client: 'vip',
        model: 'auto',
        priority: 'high',
        pattern: { kind: 'steady', perHour: 60 },
        stream: true,
        maxWaitMs: 90_000,
        inputTokens: { least: 1, mean: 600, most: 8000 },
        answerTokens: { least: 1, mean: 250, most: 2000 },
        bound: null,
        cachedPermille: 0,
        leaving: null,
      },
    ])
  })

  test('says otherwise where it does', () => {
    const [source] = sources(`
sources:
  - client: vip
    pattern: burst
    requests: 5
    at: 1m
    every: 1h
    model: Sim
    priority: low
    stream: false
    max_wait: 10m
    input_tokens: 100
    output_tokens: { least: 5, mean: 20, most: 90 }
    max_tokens: 50
    leave_share: 0.1
    leave_after: 4s
`)
    expect(source).toMatchObject({
      pattern: { kind: 'burst', requests: 5, atMs: 60_000, everyMs: 3_600_000 },
      model: 'Sim',
      priority: 'low',
      stream: false,
      maxWaitMs: 600_000,
      inputTokens: { least: 100, mean: 100, most: 100 },
      answerTokens: { least: 5, mean: 20, most: 90 },
      bound: 50,
      leaving: { permille: 100, afterMs: { least: 0, mean: 4000, most: 40_000 } },
    })
  })
})

describe('what is wrong is told with its place:', () => {
  test.each([
    ['sources: [{ pattern: burst }]', 'w.yaml:1:11 sources[0].requests: is required for a burst'],
    ['sources: [{ pattern: steady }]', 'w.yaml:1:11 sources[0].per_hour: is required for steady'],
    [
      'sources: [{ pattern: profile, per_hour: 5 }]',
      'w.yaml:1:41 sources[0].per_hour: expected a list of numbers for profile',
    ],
    [
      'sources: [{ pattern: random, per_hour: [5] }]',
      'w.yaml:1:40 sources[0].per_hour: expected one number for random',
    ],
    [
      'sources:\n  - pattern: steady\n    per_hour: 60\n    max_wiat: 5s',
      'w.yaml:4:5 sources[0].max_wiat: unknown key; did you mean "max_wait"?',
    ],
    [
      'sources: [{ pattern: stedy, per_hour: 60 }]',
      'w.yaml:1:22 sources[0].pattern: expected one of burst, steady, random, on_off, profile, got "stedy"; did you mean "steady"?',
    ],
    [
      'sources: [{ pattern: steady, per_hour: 60, input_tokens: { maen: 5 } }]',
      'sources[0].input_tokens.maen: unknown key; did you mean "mean"?',
    ],
    ['for: 5m', 'w.yaml:1:1 sources: is required'],
    ['sources: [', 'w.yaml:1:'],
    ['', 'w.yaml:1:1'],
  ])('%s', (text, message) => {
    const result = parseWorkload(text, 'w.yaml')
    expect(result.ok ? 'valid' : result.message).toContain(message)
  })

  test('a name that is neither built in nor a file', () => {
    expect(loadWorkload('brust')).toEqual({
      ok: false,
      message:
        'brust: there is no such file, and no workload of that name. Built in: burst, steady, office-day.',
    })
  })
})
