import type { ParseArgsConfig } from 'node:util'
import { check } from './check.ts'
import { explainCommand } from './explain.ts'
import { LOG_HELP, LOG_OPTIONS } from './log-option.ts'
import { replay } from './replay.ts'
import { PLACE_HELP } from './replay-at.ts'
import { serveCommand } from './serve-command.ts'
import { simulateCommand } from './simulate.ts'
import { stats } from './stats.ts'

type Values = Readonly<Record<string, string | boolean | undefined>>

export interface Command {
  /** One word or two. */
  readonly name: string
  /** What the one word without an option stands for, which it then needs; it is the value `operand`. */
  readonly operand?: string
  readonly summary: string
  readonly options: NonNullable<ParseArgsConfig['options']>
  /** What each option means, in the order of the help. */
  readonly optionHelp: readonly (readonly [string, string])[]
  readonly examples: readonly string[]
  run(values: Values, env: NodeJS.ProcessEnv): number | Promise<number>
}

const CONFIG_HELP = ['--config FILE', 'the configuration (LLB_CONFIG; default config.yaml)'] as const
const config = { type: 'string', short: 'c' } as const

const REPLAY: Command = {
  name: 'replay',
  summary: 'go back to a place in the event log: states, limits, what waited and what ran',
  options: {
    ...LOG_OPTIONS,
    at: { type: 'string' },
    follow: { type: 'boolean' },
    until: { type: 'string' },
    json: { type: 'boolean' },
  },
  optionHelp: [
    ...LOG_HELP,
    ['--at PLACE', `${PLACE_HELP}`],
    ['--follow', 'step through what happened from there on (default: from the first event on)'],
    ['--until PLACE', 'where --follow ends (default: the end of the log)'],
    ['--json', 'the state as JSON'],
  ],
  examples: [
    'npm run llb -- replay --at 2h',
    'npm run llb -- replay --at 2026-01-31T08:00Z --json',
    'npm run llb -- replay --follow --at 4711 --until 4720',
  ],
  run: replay,
}

export const COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    summary: 'serve the OpenAI-compatible address',
    options: { config, port: { type: 'string', short: 'p' } },
    optionHelp: [
      CONFIG_HELP,
      ['--port N', 'the port instead of general.listen_port (LLB_PORT); 0 takes any free one'],
    ],
    examples: ['npm start', 'npm start -- --config my.yaml --port 9000'],
    run: serveCommand,
  },
  {
    name: 'check',
    summary: 'check a configuration and show what would be served',
    options: { config },
    optionHelp: [CONFIG_HELP],
    examples: ['npm run llb -- check', 'npm run llb -- check --config my.yaml'],
    run: check,
  },
  {
    name: 'stats',
    summary:
      'requests, tokens, cost, waits and errors of each LLM, from the event log (a request counts at each LLM it was put to)',
    options: { ...LOG_OPTIONS, since: { type: 'string' }, json: { type: 'boolean' } },
    optionHelp: [
      ...LOG_HELP,
      ['--since DURATION', 'only the last 1h, 7d, ... (default: everything)'],
      ['--json', 'as JSON'],
    ],
    examples: ['npm run llb -- stats', 'npm run llb -- stats --since 24h --json'],
    run: stats,
  },
  REPLAY,
  {
    name: 'simulate',
    summary: 'plan capacity: run a workload against the limits of a configuration, in virtual time',
    options: {
      config,
      workload: { type: 'string' },
      for: { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'boolean' },
    },
    optionHelp: [
      CONFIG_HELP,
      ['--workload NAME', 'burst, steady (default), office-day, or a file (docs/simulation.md)'],
      ['--for DURATION', 'how long requests come, 10m, 24h, ... (default: as the workload says)'],
      ['--seed N', 'another draw of the same workload (default 1)'],
      ['--json', 'as JSON'],
    ],
    examples: [
      'npm run llb -- simulate',
      'npm run llb -- simulate --workload office-day --for 7d',
      'npm run llb -- simulate --config my.yaml --workload my-workload.yaml --seed 2 --json',
    ],
    run: simulateCommand,
  },
  {
    name: 'explain',
    operand: 'REQUEST-ID',
    summary: 'tell the life of one request, and why it went where it went, from the event log',
    options: { ...LOG_OPTIONS, json: { type: 'boolean' } },
    optionHelp: [...LOG_HELP, ['--json', 'as JSON, as GET /admin/requests/:id gives it']],
    examples: [
      'npm run llb -- explain req_1x2y3z_4f',
      'npm run llb -- explain req_1x2y3z_4f --log copy-of-events.db --json',
    ],
    run: explainCommand,
  },
]

export function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `llb: one OpenAI-compatible address over many LLMs\n\nUsage: npm run llb -- COMMAND [OPTIONS]\n\n${lines.join('\n')}\n\nCOMMAND --help tells more. Exit codes: 0 done, 1 found something wrong, 2 wrong usage or configuration.\n`
}

export function helpOf({ name, operand, summary, optionHelp, examples }: Command): string {
  const options = [...optionHelp, ['--help', 'this text'] as const]
  const width = Math.max(...options.map(([option]) => option.length))
  const lines = options.map(([option, text]) => `  ${option.padEnd(width)}  ${text}`)
  const usage = operand === undefined ? name : `${name} ${operand}`
  return `llb ${usage}: ${summary}\n\nOptions:\n${lines.join('\n')}\n\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}\n`
}
