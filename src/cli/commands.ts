import type { ParseArgsConfig } from 'node:util'
import { check } from './check.ts'
import { LOG_HELP, LOG_OPTIONS } from './log-option.ts'
import { serveCommand } from './serve-command.ts'
import { simulateCommand } from './simulate.ts'
import { stats } from './stats.ts'
import { whatIfCommand } from './what-if.ts'

type Values = Readonly<Record<string, string | boolean | undefined>>

export interface Command {
  readonly name: string
  readonly summary: string
  readonly options: NonNullable<ParseArgsConfig['options']>
  /** What each option means, in the order of the help. */
  readonly optionHelp: readonly (readonly [string, string])[]
  readonly examples: readonly string[]
  run(values: Values, env: NodeJS.ProcessEnv): number | Promise<number>
}

const CONFIG_HELP = ['--config FILE', 'the configuration (LLB_CONFIG; default config.yaml)'] as const
const config = { type: 'string', short: 'c' } as const

const WHAT_IF: Command = {
  name: 'what-if',
  summary:
    'what another configuration would have done with the requests of an event log, beside what was recorded',
  options: {
    config,
    log: { type: 'string', short: 'l' },
    from: { type: 'string' },
    to: { type: 'string' },
    changes: { type: 'string' },
    control: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  optionHelp: [
    ['--config FILE', 'the other configuration (LLB_CONFIG; default config.yaml)'],
    ['--log FILE', 'the event log (default: event_log.path of that configuration)'],
    ['--from TIME', 'only requests since a duration ago such as 24h, or a time such as 2026-01-31T08:00Z'],
    ['--to TIME', 'only requests before'],
    ['--changes N', 'list at most so many requests that end in another way (default 10)'],
    ['--control', 'also run the recorded configuration so, to show what is due to the simulation'],
    ['--json', 'as JSON, with all of them'],
  ],
  examples: [
    'npm run llb -- what-if --config new.yaml',
    'npm run llb -- what-if --config new.yaml --log data/events.db --from 24h --json',
  ],
  run: whatIfCommand,
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
  WHAT_IF,
]

export function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `llb: one OpenAI-compatible address over many LLMs\n\nUsage: npm run llb -- COMMAND [OPTIONS]\n\n${lines.join('\n')}\n\nCOMMAND --help tells more. Exit codes: 0 done, 1 found something wrong, 2 wrong usage or configuration.\n`
}

export function helpOf({ name, summary, optionHelp, examples }: Command): string {
  const options = [...optionHelp, ['--help', 'this text'] as const]
  const width = Math.max(...options.map(([option]) => option.length))
  const lines = options.map(([option, text]) => `  ${option.padEnd(width)}  ${text}`)
  return `llb ${name}: ${summary}\n\nOptions:\n${lines.join('\n')}\n\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}\n`
}
