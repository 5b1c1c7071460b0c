import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import { describeConfig } from '../../src/config/describe.ts'
import { formatProblems, loadConfig, parseConfig } from '../../src/config/load.ts'

const LLM = 'name: A, api_type: simulated, model: m, context_length: 100'

function configOf(text: string): Config {
  const result = parseConfig(text, 'config.yaml')
  if (!result.ok) throw new Error(formatProblems(result.problems))
  return result.config
}

function problemsOf(text: string): string[] {
  const result = parseConfig(text, 'config.yaml')
  return result.ok ? [] : formatProblems(result.problems).split('\n')
}

test('the smallest configuration gets every default', () => {
  expect(configOf(`llms: [{ ${LLM} }]`)).toEqual({
    general: {
      listenAddress: '127.0.0.1',
      listenAddressGiven: false,
      listenPort: 8080,
      logLevel: 'info',
      weights: { cost: 0.5, quality: 0.5, speed: 0 },
      maxBodyBytes: 33_554_432,
      adminKeyName: null,
      drainMs: 30_000,
    },
    queue: {
      maxRequests: 10_000,
      maxBytes: 268_435_456,
      maxRequestsPerClient: 10_000,
      maxBytesPerClient: 268_435_456,
      maxWaitMs: 120_000,
      heartbeatMs: 5_000,
      maxAttempts: 4,
      earlyRefusal: 'on',
    },
    eventLog: {
      path: resolve('data/events.db'),
      retentionMs: 2_592_000_000,
      maxBytes: 2_000_000_000,
      bodies: false,
    },
    clients: [],
    models: [],
    llms: [
      {
        name: 'A',
        group: 'A',
        apiType: 'simulated',
        model: 'm',
        baseUrl: '',
        keyName: null,
        contextLength: 100,
        modes: ['text'],
        limits: [],
        strict: false,
        inputPicoUsd: 0,
        outputPicoUsd: 0,
        quality: 500,
        firstByteTimeoutMs: 120_000,
        idleTimeoutMs: 60_000,
        simulated: {
          tokensPerSecond: 200,
          latencyMs: 200,
          outputTokens: 40,
          seed: 1,
          faults: { error500: 0, error429: 0, hang: 0 },
        },
      },
    ],
    switchedOff: [],
  })
})

test('sections with nothing behind them are sections not given', () => {
  expect(configOf(`general:\nqueue:\nclients:\nllms: [{ ${LLM}, base_url: }]`).queue.maxAttempts).toBe(4)
})

test('an unknown key is named with its place and the nearest known key', () => {
  const text = ['llms:', '  - name: A', '    api_type: simulated', '    model: m', '    rate_limt: 5'].join(
    '\n',
  )
  expect(problemsOf(text)).toEqual([
    'config.yaml:5:5 llms[0].rate_limt: unknown key; did you mean "rate_limit"?',
  ])
})

test('an unknown key close to nothing is answered with the keys that exist', () => {
  expect(problemsOf(`event_log: { xyz: 1 }\nllms: [{ ${LLM} }]`)).toEqual([
    'config.yaml:1:14 event_log.xyz: unknown key; the keys here are path, retention, max_size, bodies',
  ])
})

test('a name that leads to no LLM does not lead to all of them', () => {
  expect(problemsOf(`models: { x: [] }\nllms: [{ ${LLM} }]`)).toEqual([
    'config.yaml:1:14 models.x: names no LLM; leave it out to mean all of them',
  ])
})

test('names that every object has are unknown keys like any other', () => {
  const problems = problemsOf(`event_log: { __proto__: 1, constructor: 2, toString: 3 }\nllms: [{ ${LLM} }]`)
  expect(problems.map((line) => line.split(':')[2])).toEqual(
    ['__proto__', 'constructor', 'toString'].map((key, index) => `${[14, 28, 44][index]} event_log.${key}`),
  )
})

test('all problems are told at once, in the order of the text', () => {
  const text = `
general: { listen_port: 70000, log_level: inf }
queue: [1]
clients:
  - { name: dev, api_key_name: LLB_KEY }
  - { name: dev, api_key_name: "" }
models: { fast: [a], empty: {} }
llms:
  - { ${LLM} }
  - { name: A, api_type: groq, modl: x }
`
  expect(problemsOf(text)).toEqual([
    'config.yaml:2:25 general.listen_port: expected an integer from 0 to 65535, got 70000',
    'config.yaml:2:43 general.log_level: expected one of error, warn, info, debug, got "inf"; did you mean "info"?',
    'config.yaml:3:8 queue: expected a mapping (key: value), got a list',
    'config.yaml:6:13 clients[1].name: is the same as that of clients[0]',
    'config.yaml:6:32 clients[1].api_key_name: is empty; a client without a key is none',
    'config.yaml:7:18 models.fast[0]: no LLM has the name "a"; did you mean "A"?',
    'config.yaml:7:29 models.empty: give one of llms, weights, min_quality, max_cost',
    'config.yaml:10:5 llms[1].model: is required',
    'config.yaml:10:13 llms[1].name: is the same as that of llms[0]',
    'config.yaml:10:32 llms[1].modl: unknown key; did you mean "model"?',
  ])
})

test.each([
  ['', 'config.yaml:1:1 the file is empty; it needs at least llms:'],
  ['# nothing\n', 'config.yaml:1:1 the file is empty; it needs at least llms:'],
  ['{}', 'config.yaml:1:1 llms: is required'],
  ['llms: []', 'config.yaml:1:7 llms: lists no LLM'],
  ['llms: [null]', 'config.yaml:1:7 llms[0]: expected a value, got nothing'],
  ['just words', 'config.yaml:1:1 expected a mapping (key: value), got "just words"'],
  ['llms:\n\t- name: x', 'config.yaml:2:1 Tabs are not allowed as indentation'],
  ['queue: {}\nqueue: {}', 'config.yaml:2:1 the same key is given twice'],
  ['queue: {}\n---\nqueue: {}', 'config.yaml:2:1 a configuration is one document; --- begins a second'],
  ['llms: "a', 'config.yaml:1:9 Missing closing "quote'],
  [
    'llms: *a',
    'config.yaml:1:1 cannot be read as YAML: Unresolved alias (the anchor must be set before the alias): a',
  ],
])('the file %j is answered with %s', (text, problem) => {
  expect(problemsOf(text)).toEqual([problem])
})

test('a tag that means nothing here is warned about with its place', () => {
  const result = parseConfig(`queue: !!set {}\nllms: [{ ${LLM} }]`, 'config.yaml')
  expect(result).toMatchObject({
    ok: true,
    warnings: ['config.yaml:1:8 Unresolved tag: tag:yaml.org,2002:set'],
  })
})

test('a file has a greatest length', () => {
  expect(problemsOf('#'.repeat(1_048_577))).toEqual(['config.yaml:1:1 the file is longer than 1 MiB'])
})

test('aliases and merges share settings, and a problem in a shared one is shown where it is written', () => {
  const text = `
llms:
  - &base { name: A, api_type: openai, model: m, api_key_name: K, context_length: 5, quality: 11 }
  - { <<: *base, name: B }
`
  expect(problemsOf(text)[0]).toBe('config.yaml:3:95 llms[0].quality: expected a number from 0 to 10, got 11')
  expect(
    configOf(text.replace('11', '7')).llms.map(({ name, model, quality }) => [name, model, quality]),
  ).toEqual([
    ['A', 'm', 700],
    ['B', 'm', 700],
  ])
})

test('aliases cannot blow a small file up', () => {
  const row = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(of).join(', ')}]\n`
  expect(problemsOf(row('a', 'x') + row('b', '*a') + row('c', '*b') + row('d', '*c'))).toEqual([
    'config.yaml:1:1 cannot be read as YAML: Excessive alias count indicates a resource exhaustion attack',
  ])
})

test('a value that contains itself is only wrong', () => {
  expect(problemsOf('llms: &all [ { name: A, simulated: *all } ]').length).toBeGreaterThan(0)
  expect(problemsOf('queue: &queue { max_wait: *queue }')).toContain(
    'config.yaml:1:15 queue.max_wait: expected a duration with its unit (ms, s, m, h or d) such as "120s", got a mapping',
  )
})

test('a file that is not there, and one that cannot be read, are problems', () => {
  const folder = mkdtempSync(join(tmpdir(), 'llb-config-'))
  const missing = join(folder, 'no.yaml')
  const formatted = (path: string) => {
    const result = loadConfig(path)
    return result.ok ? '' : formatProblems(result.problems)
  }
  expect(formatted(missing)).toBe(`${missing}:1:1 there is no such file`)
  expect(formatted(folder)).toBe(`${folder}:1:1 the file cannot be read (EISDIR)`)
  rmSync(folder, { recursive: true })
})

test('the event log is relative to the file, not to where the command runs', () => {
  const text = `event_log: { path: log/x.db }\nllms: [{ ${LLM} }]`
  const result = parseConfig(text, '/etc/llb/config.yaml')
  expect(result.ok && result.config.eventLog.path).toBe('/etc/llb/log/x.db')
})

const SEED_FILE = `
general: { listen_address: "0.0.0.0", max_body: 1MB, optimization_weights: { cost: 1 } }
queue: { max_wait: 5m, max_requests: 3 }
clients: [ { name: dev, api_key_name: LLB_KEY } ]
models: { "a*": [A], b: { llms: [A], weights: { speed: 1 } } }
llms:
  - name: A
    provider: google-genai
    model: m
    api_key_names: [K1, K2]
    rate_limit: 6000
    limits: [ { unit: requests, amount: 2, per: 1d, window: calendar, time_zone: UTC } ]
    price: 0.01
  - { name: S, api_type: simulated, model: s, simulated: { faults: { hang: 1 } } }
`

test('no text makes the parser throw, and every problem has a place', () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom(
      '\t',
      '\n',
      '  ',
      '- ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '*a',
      '&a ',
      '<<: *a',
      '!!binary ',
      '!x ',
      '"',
      "'",
      '|',
      '>',
      '---\n',
      '...',
      '%YAML 1.1\n',
      '? ',
      '#',
      '\u0000',
      '\ufeff',
      '\u2028',
      '\ud800',
      '__proto__: ',
      'null',
      '.inf',
      '.nan',
      '-1',
      '1e999',
      '0x1F',
      '~',
      '999999999999999999999',
    ),
  )
  const edit = fc.record({ at: fc.nat(SEED_FILE.length), cut: fc.nat(12), put: piece })
  const check = (edits: { at: number; cut: number; put: string }[]) => {
    let text = SEED_FILE
    for (const { at, cut, put } of edits) text = text.slice(0, at) + put + text.slice(at + cut)
    const result = parseConfig(text, 'config.yaml')
    if (result.ok) {
      expect(typeof describeConfig(result.config, {})).toBe('string')
      return
    }
    expect(result.problems.length).toBeGreaterThan(0)
    for (const { line, column } of result.problems) expect(Math.min(line, column)).toBeGreaterThanOrEqual(1)
  }
  fc.assert(fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), check), { numRuns: 1_500 })
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) =>
      check([{ at: 0, cut: 1e6, put: text }]),
    ),
  )
})

test('deep nesting ends in a problem, not in an overflow', () => {
  for (const text of ['['.repeat(100_000), '{a: '.repeat(50_000), '- '.repeat(100_000)]) {
    expect(problemsOf(text)).toEqual([
      expect.stringMatching(/^config\.yaml:1:\d+ the file is nested too deeply$/),
    ])
  }
})
