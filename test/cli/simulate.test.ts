import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { minutes } from '../../src/cli/times.ts'
import { openTerminal } from '../support/terminal.ts'

const CONFIG = `
general: { optimization_weights: { cost: 0, quality: 0, speed: 1 } }
llms:
  - { name: Free, api_type: groq, model: m, api_key_name: A_KEY, context_length: 8000, requests_per_min: 10 }
  - { name: Home, api_type: ollama, model: n, context_length: 8000, max_concurrency: 1, quality: 0.1 }
`
const WORKLOAD = `
for: 1m
sources: [{ pattern: burst, requests: 40, max_wait: 10m, input_tokens: 100, output_tokens: 50, max_tokens: 50 }]
`

const terminal = openTerminal()
beforeEach(() => {
  writeFileSync(join(terminal.folder, 'config.yaml'), CONFIG)
  writeFileSync(join(terminal.folder, 'workload.yaml'), WORKLOAD)
})

const simulate = (...args: string[]) =>
  run(
    [
      'simulate',
      '--config',
      join(terminal.folder, 'config.yaml'),
      '--workload',
      join(terminal.folder, 'workload.yaml'),
      ...args,
    ],
    {},
  )

test('tells what a workload would meet, without a key in the environment', async () => {
  expect(await simulate()).toBe(0)
  const lines = terminal.out.split('\n')
  expect(lines[0]).toBe(`${terminal.folder}/workload.yaml for 1m on ${terminal.folder}/config.yaml, seed 1`)
  expect(lines[2]).toBe('requests  40: 40 completed, 0 expired, 0 rejected, 0 failed, 0 abandoned')
  expect(lines[3]).toMatch(/^wait {6}p50 \d+\.\d s, p95 \d+\.\d s, p99 \d+\.\d s$/)
  expect(lines[7]).toBe('429s      0')
  expect(terminal.out).toMatch(/^Free +\d+ +\d+\.\d % .*requests_per_min for \d+\.\d s$/m)
  expect(terminal.out).toMatch(/^Home +\d+ +\d+\.\d % .*concurrency for \d+\.\d s$/m)
  expect(terminal.out).toMatch(/^With these keys the 95th percentile wait is .* s, and 0 requests expire\.$/m)
  expect(terminal.out).toMatch(
    /^With one more key of Free \(requests_per_min\) it is \d+\.\d s, and 0 expire\.$/m,
  )
  expect(terminal.out).toMatch(/^With one more Home \(concurrency\) it is \d+\.\d s, and 0 expire\.$/m)
  expect(terminal.err).toBe('')
})

test('says so when no limit matters', async () => {
  writeFileSync(join(terminal.folder, 'workload.yaml'), WORKLOAD.replace('requests: 40', 'requests: 1'))
  expect(await simulate()).toBe(0)
  expect(terminal.out).toContain('No limit kept a request waiting: one more key would change nothing.\n')
})

test('gives the same as JSON, for as long as it is told and by the seed', async () => {
  expect(await simulate('--json', '--for', '10m', '--seed', '7')).toBe(0)
  expect(JSON.parse(terminal.out)).toMatchObject({
    seed: 7,
    requests: 40,
    completed: 40,
    llms: [{ llm: 'Free' }, { llm: 'Home' }],
    one_more: [{ completed: 40 }, { completed: 40 }],
  })
})

test('tells on standard error how far it is, from the second on', async () => {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 600
    return now
  })
  writeFileSync(
    join(terminal.folder, 'workload.yaml'),
    'for: 2h\nsources: [{ pattern: steady, per_hour: 4000, max_wait: 1s }]',
  )
  expect(await simulate()).toBe(0)
  expect(terminal.err).toMatch(/^simulated \d+m \d+s of 2h 0m\n/)
})

describe('wrong usage is told with code 2:', () => {
  test.each([
    [['--seed', 'x'], '--seed is "x"; it must be a whole number of at least 0.\n'],
    [['--seed=-1'], '--seed is "-1"; it must be a whole number of at least 0.\n'],
    [['--for', 'long'], '--for is "long"; it must be a duration such as 30m, 24h or 7d.\n'],
    [['--for', '0s'], '--for is "0s"; it must be a duration such as 30m, 24h or 7d.\n'],
    [
      ['--workload', 'stedy'],
      'stedy: there is no such file, and no workload of that name. Built in: burst, steady, office-day.\n',
    ],
  ])('%j', async (args, message) => {
    expect(await simulate(...args)).toBe(2)
    expect(terminal.err).toBe(message)
    expect(terminal.out).toBe('')
  })

  test('a workload about an LLM that is not there', async () => {
    writeFileSync(join(terminal.folder, 'workload.yaml'), `${WORKLOAD}llms: { Fre: { first_byte: 1s } }\n`)
    expect(await simulate()).toBe(2)
    expect(terminal.err).toBe(
      `${terminal.folder}/workload.yaml: llms: no LLM of the configuration has the name "Fre"; did you mean "Free"?\n`,
    )
  })

  test('a configuration with a mistake', async () => {
    writeFileSync(join(terminal.folder, 'config.yaml'), CONFIG.replace('quality', 'qality'))
    expect(await simulate()).toBe(2)
    expect(terminal.err).toContain('did you mean "quality"?')
  })
})

test.each([
  [0, '0.0 s'],
  [59_940, '59.9 s'],
  [60_000, '1m 0s'],
  [3_599_000, '59m 59s'],
  [7_440_000, '2h 4m'],
])('%d ms is written %s', (ms, text) => {
  expect(minutes(ms)).toBe(text)
})
