import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { openLog } from '../../src/log/sqlite.ts'
import { limit, llm } from '../support/llms.ts'
import { openWorld } from '../support/world.ts'

const YAML = `general: { listen_port: 0 }
llms:
  - { name: Sim, api_type: simulated, model: sim-1, context_length: 4000, requests_per_min: 30 }
  - { name: Groq, api_type: groq, model: m, context_length: 100, api_key_name: GROQ_KEY }
`

let folder: string
let out: string
let err: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'llb-cli-'))
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text
    return true
  })
})

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

function givenConfig(yaml = YAML): string {
  const path = join(folder, 'config.yaml')
  writeFileSync(path, yaml)
  return path
}

const llb = (...args: string[]) => run(args, {})

describe('help', () => {
  test.each([[['help']], [['--help']], [['-h']]])(
    '%j lists the commands on standard output',
    async (args) => {
      expect(await llb(...args)).toBe(0)
      for (const command of ['serve', 'check', 'stats']) expect(out).toContain(`  ${command}  `)
      expect(out).toContain('Exit codes: 0 done, 1 found something wrong, 2 wrong usage or configuration.')
      expect(err).toBe('')
    },
  )

  test.each(['serve', 'check', 'stats'])('%s --help has its options and examples', async (command) => {
    expect(await llb(command, '--help')).toBe(0)
    expect(out).toContain(`llb ${command}: `)
    expect(out).toMatch(/Options:\n {2}--config FILE/)
    expect(out).toMatch(/Examples:\n {2}npm /)
  })
})

describe('wrong usage is told on standard error, with code 2:', () => {
  test('an unknown command', async () => {
    expect(await llb('sevre')).toBe(2)
    expect(err).toMatch(/^There is no command "sevre"\. Commands: serve, check, .*stats.*\.\n$/)
    expect(out).toBe('')
  })

  test('an unknown option', async () => {
    expect(await llb('check', '--confg', 'x')).toBe(2)
    expect(err).toContain("Unknown option '--confg'")
    expect(err).toContain('llb check --help lists the options.')
  })

  test('a word that is no option', async () => {
    expect(await llb('check', 'my.yaml')).toBe(2)
    expect(err).toContain('llb check --help')
  })

  test.each(['abc', '65536', '80.5', '1e3', '0x50', ' '])('the port "%s"', async (port) => {
    expect(await llb('serve', '--config', givenConfig(), '--port', port)).toBe(2)
    expect(err).toBe(`The port is "${port}"; it must be a whole number from 0 to 65535.\n`)
  })

  test('a port in the environment', async () => {
    expect(await run(['--config', givenConfig()], { LLB_PORT: 'high' })).toBe(2)
    expect(err).toContain('The port is "high"')
  })

  test.each(['yesterday', '7', '-1h', ''])('the span "%s"', async (since) => {
    expect(await llb('stats', '--config', givenConfig(), `--since=${since}`)).toBe(2)
    expect(err).toBe(`--since is "${since}"; it must be a duration such as 30m, 24h or 7d.\n`)
  })

  test('a configuration that is not there, wherever its name comes from', async () => {
    for (const command of ['check', 'stats', 'serve'])
      expect(await llb(command, '-c', '/nowhere.yaml')).toBe(2)
    expect(await run(['check'], { LLB_CONFIG: '/nowhere.yaml' })).toBe(2)
    expect(err.match(/\/nowhere\.yaml.*there is no such file/g)).toHaveLength(4)
  })

  test('a configuration with a mistake, with its place', async () => {
    const path = givenConfig(YAML.replace('requests_per_min', 'requests_per_mni'))
    expect(await llb('check', '--config', path)).toBe(2)
    expect(err).toContain(`${path}:3:`)
    expect(err).toContain('did you mean "requests_per_min"?')
    expect(out).toBe('')
  })
})

describe('check', () => {
  test('tells what would be served, and what would not', async () => {
    expect(await llb('check', '--config', givenConfig())).toBe(0)
    expect(out).toMatch(/Sim +simulated +sim-1 +available .+30 requests\/min/)
    expect(out).toMatch(/Groq +groq +m +disabled: GROQ_KEY is not set/)
    expect(err).toBe('')
  })
})

describe('stats', () => {
  /** A log of one answer and one failure. */
  function givenLog(): string {
    const world = openWorld({
      specs: [llm('A', { inputPicoUsd: 1_000_000, limits: [limit('requests', 5)] })],
    })
    world.finishes(world.arrives(), { input: 2000, output: 10 })
    world.fails(world.arrives(), 'bad_request')
    const log = openLog(join(folder, 'data', 'events.db'))
    log.append(world.events)
    log.close()
    return givenConfig()
  }

  test('adds up what each LLM did', async () => {
    expect(await llb('stats', '--config', givenLog())).toBe(0)
    const lines = out.split('\n')
    expect(lines[0]).toBe('2023-11-14T22:13:20.000Z to 2023-11-14T22:13:20.000Z')
    expect(lines[1]).toBe('2 requests: 0 refused, 0 expired, 0 abandoned, 1 failed')
    expect(lines[3]).toMatch(/^LLM +requests +input tokens +output tokens +cost USD/)
    expect(lines[4]).toMatch(/^A +2 +2000 +10 +0\.002000 +0\.0 +0\.0 +1 bad_request$/)
  })

  test('gives the same as JSON', async () => {
    expect(await llb('stats', '--json', '--config', givenLog())).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      requests: 2,
      failed: 1,
      llms: [{ llm: 'A', completed: 1, inputTokens: 2000, costNanoUsd: 2_000_000 }],
    })
  })

  test('tells what was learned of limits, apart from what is declared', async () => {
    const log = openLog(join(folder, 'data', 'events.db'))
    const lesson = {
      ...({
        limit: 'requests_per_min',
        cause: 'window_header',
        because: 'headers tell',
        declared: 60,
      } as const),
      in_force: { amount: 60, per_ms: 60_000, window: 'fixed', phase_ms: 3_456, guard_ms: 1_020 } as const,
      ...{ amount: null, until: null },
    }
    const head = { seq: 1, at: 0, v: 1, request: null, llm: 'A' } as const
    log.append([{ ...head, type: 'llm.limit_learned', data: lesson }])
    log.close()
    expect(await llb('stats', '--config', givenConfig())).toBe(0)
    expect(out).toMatch(
      /^A +requests_per_min +60 +60 per 60 s, fixed from 3\.456 s on +1970-01-01T00:00:00\.000Z +headers tell$/m,
    )
  })

  test('of a span without events says so', async () => {
    expect(await llb('stats', '--since', '1h', '--config', givenLog())).toBe(0)
    expect(out).toBe('The event log has no events in this span.\n')
  })

  test('without a log finds something wrong', async () => {
    expect(await llb('stats', '--config', givenConfig())).toBe(1)
    expect(err).toMatch(/^There is no event log at .+Has the server run with this configuration\?\n$/)
  })

  test('of a file that is no log finds something wrong', async () => {
    const path = givenConfig(`event_log: { path: notes.txt }\n${YAML}`)
    writeFileSync(join(folder, 'notes.txt'), 'Dear diary, '.repeat(100))
    expect(await llb('stats', '--config', path)).toBe(1)
    expect(err).toMatch(
      /^Cannot use the event log .+notes\.txt: file is not a database\. Set event_log\.path/,
    )
  })
})
