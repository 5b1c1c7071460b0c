import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { openTerminal } from '../support/terminal.ts'

const YAML = `general: { listen_port: 0 }
llms:
  - { name: Sim, api_type: simulated, model: sim-1, context_length: 4000, requests_per_min: 30 }
  - { name: Groq, api_type: groq, model: m, context_length: 100, api_key_name: GROQ_KEY }
`

const terminal = openTerminal()

function givenConfig(yaml = YAML): string {
  const path = join(terminal.folder, 'config.yaml')
  writeFileSync(path, yaml)
  return path
}

const llb = (...args: string[]) => run(args, {})

describe('help', () => {
  test.each([[['help']], [['--help']], [['-h']]])(
    '%j lists the commands on standard output',
    async (args) => {
      expect(await llb(...args)).toBe(0)
      for (const command of ['serve', 'check', 'stats']) expect(terminal.out).toContain(`  ${command}  `)
      expect(terminal.out).toContain(
        'Exit codes: 0 done, 1 found something wrong, 2 wrong usage or configuration.',
      )
      expect(terminal.err).toBe('')
    },
  )

  test.each(['serve', 'check', 'stats'])('%s --help has its options and examples', async (command) => {
    expect(await llb(command, '--help')).toBe(0)
    expect(terminal.out).toContain(`llb ${command}: `)
    expect(terminal.out).toMatch(/Options:\n {2}--config FILE/)
    expect(terminal.out).toMatch(/Examples:\n {2}npm /)
  })
})

describe('wrong usage is told on standard error, with code 2:', () => {
  test('an unknown command', async () => {
    expect(await llb('sevre')).toBe(2)
    expect(terminal.err).toMatch(/^There is no command "sevre"\. Commands: serve, check, .*stats.*\.\n$/)
    expect(terminal.out).toBe('')
  })

  test.each([['log'], ['log', '--help']])('the first word of some commands: %s %s', async (...words) => {
    expect(await llb(...words)).toBe(2)
    expect(terminal.err).toBe('Say which: log export, log import, log check. Each tells more with --help.\n')
  })

  test('an unknown option', async () => {
    expect(await llb('check', '--confg', 'x')).toBe(2)
    expect(terminal.err).toContain("Unknown option '--confg'")
    expect(terminal.err).toContain('llb check --help lists the options.')
  })

  test('a word that is no option', async () => {
    expect(await llb('check', 'my.yaml')).toBe(2)
    expect(terminal.err).toContain('llb check --help')
  })

  test.each(['abc', '65536', '80.5', '1e3', '0x50', ' '])('the port "%s"', async (port) => {
    expect(await llb('serve', '--config', givenConfig(), '--port', port)).toBe(2)
    expect(terminal.err).toBe(`The port is "${port}"; it must be a whole number from 0 to 65535.\n`)
  })

  test('a port in the environment', async () => {
    expect(await run(['--config', givenConfig()], { LLB_PORT: 'high' })).toBe(2)
    expect(terminal.err).toContain('The port is "high"')
  })

  test.each(['yesterday', '7', '-1h', ''])('the span "%s"', async (since) => {
    expect(await llb('stats', '--config', givenConfig(), `--since=${since}`)).toBe(2)
    expect(terminal.err).toBe(
      `--since is "${since}"; it must be a duration ago such as 30m, 24h or 7d, or a time such as 13:42 (UTC, the last one) or 2026-01-31T08:00Z.\n`,
    )
  })

  test('a configuration that is not there, wherever its name comes from', async () => {
    for (const command of ['check', 'stats', 'serve'])
      expect(await llb(command, '-c', '/nowhere.yaml')).toBe(2)
    expect(await run(['check'], { LLB_CONFIG: '/nowhere.yaml' })).toBe(2)
    expect(terminal.err.match(/\/nowhere\.yaml.*there is no such file/g)).toHaveLength(4)
  })

  test('a configuration with a mistake, with its place', async () => {
    const path = givenConfig(YAML.replace('requests_per_min', 'requests_per_mni'))
    expect(await llb('check', '--config', path)).toBe(2)
    expect(terminal.err).toContain(`${path}:3:`)
    expect(terminal.err).toContain('did you mean "requests_per_min"?')
    expect(terminal.out).toBe('')
  })
})

describe('check', () => {
  test('tells what would be served, and what would not', async () => {
    expect(await llb('check', '--config', givenConfig())).toBe(0)
    expect(terminal.out).toMatch(/Sim +simulated +sim-1 +available .+30 requests\/min/)
    expect(terminal.out).toMatch(/Groq +groq +m +disabled: GROQ_KEY is not set/)
    expect(terminal.err).toBe('')
  })
})
