import type { ParseArgsConfig } from 'node:util'
import { check } from './check.ts'
import { LOG_COMMANDS } from './log-commands.ts'
import { LOG_HELP, LOG_OPTIONS } from './log-option.ts'
import { replay } from './replay.ts'
import { PLACE_HELP } from './replay-at.ts'
import { MOMENT_HELP } from './moment.ts'
import { serveCommand } from './serve-command.ts'
import { simulateCommand } from './simulate.ts'
import { stats } from './stats.ts'
import { whatIfCommand } from './what-if.ts'

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
  /** What its exit codes mean beyond {@link EXIT_CODES}. */
  readonly exitCodes?: readonly string[]
  run(values: Values, env: NodeJS.ProcessEnv): number | Promise<number>
}

/** What the exit code of every command means. */
export const EXIT_CODES = ['0 done', '1 found something wrong', '2 wrong usage or configuration'] as const

const CONFIG_HELP = ['--config FILE', 'the configuration (LLB_CONFIG; default config.yaml)'] as const
const config = { type: 'string', short: 'c' } as const

const REPLAY: Command = {
  name: 'replay',
  summary: 'go back to a place in the event log, step on from there, or verify every decision in it',
  options: {
    ...LOG_OPTIONS,
    at: { type: 'string' },
    follow: { type: 'boolean' },
    until: { type: 'string' },
    verify: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  optionHelp: [
    ...LOG_HELP,
    ['--at PLACE', PLACE_HELP],
    ['--follow', 'step through what happened from there on (default: from the first event on)'],
    ['--until PLACE', 'where --follow ends (default: the end of the log)'],
    ['--verify', 'execute every decision again from its facts; stop at the first that differs (exit code 1)'],
    ['--json', 'as JSON'],
  ],
  examples: [
    'npm run llb -- replay --at 2h',
    'npm run llb -- replay --at 2026-01-31T08:00Z --json',
    'npm run llb -- replay --follow --at 4711 --until 4720',
    'npm run llb -- replay --verify --log copy-of-events.db',
  ],
  run: replay,
}

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
    json: { type: 'boolean' },
  },
  optionHelp: [
    ['--config FILE', 'the other configuration (LLB_CONFIG; default config.yaml)'],
    ['--log FILE', 'the event log (default: event_log.path of that configuration)'],
    ['--from TIME', 'only requests since a duration ago such as 24h, or a time such as 2026-01-31T08:00Z'],
    ['--to TIME', 'only requests before'],
    ['--changes N', 'list at most so many requests that end in another way (default 10)'],
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
    exitCodes: [
      '0 stopped by a signal, after what ran was given general.drain to finish',
      '70 a bug ended it',
      '130 a second signal ended it at once',
    ],
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
      'what happened, from the event log: requests, tokens, cost, waits, errors, and how far limits were used',
    options: {
      ...LOG_OPTIONS,
      ...{ since: { type: 'string' }, until: { type: 'string' }, by: { type: 'string' } },
      ...{ json: { type: 'boolean' }, csv: { type: 'boolean' } },
    },
    optionHelp: [
      ...LOG_HELP,
      ['--since TIME', `what happened since then: ${MOMENT_HELP} (default: everything)`],
      ['--until TIME', 'what happened before then'],
      [
        '--by NAMES',
        'a row for each llm (default; a request counts at each it was put to), client, model, hour or day, or for several, as in client,llm',
      ],
      ['--json', 'as JSON'],
      ['--csv', 'the rows as CSV'],
    ],
    examples: [
      'npm run llb -- stats',
      'npm run llb -- stats --since 24h --by hour',
      'npm run -s llb -- stats --since 2026-01-01 --until 2026-02-01 --by client,llm --csv > january.csv',
      'npm run llb -- stats --log copy-of-events.db --json',
    ],
    exitCodes: ['1 the log cannot be read'],
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
      log: { type: 'string' },
      json: { type: 'boolean' },
    },
    optionHelp: [
      CONFIG_HELP,
      ['--workload NAME', 'burst, steady (default), office-day, or a file (docs/simulation.md)'],
      ['--for DURATION', 'how long requests come, 10m, 24h, ... (default: as the workload says)'],
      ['--seed N', 'another draw of the same workload (default 1)'],
      ['--log NEW', 'keep its events in a new event log, for the commands that read one'],
      ['--json', 'as JSON'],
    ],
    examples: [
      'npm run llb -- simulate',
      'npm run llb -- simulate --workload office-day --for 7d',
      'npm run llb -- simulate --config my.yaml --workload my-workload.yaml --seed 2 --json',
    ],
    run: simulateCommand,
  },
  ...LOG_COMMANDS,
  WHAT_IF,
]

export function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return `llb: one OpenAI-compatible address over many LLMs\n\nUsage: npm run llb -- COMMAND [OPTIONS]\n\n${lines.join('\n')}\n\nCOMMAND --help tells more. ${exitText(EXIT_CODES)}\n`
}

export function helpOf(command: Command): string {
  const { name, operand, summary, optionHelp, examples } = command
  const options = [...optionHelp, ['--help', 'this text'] as const]
  const width = Math.max(...options.map(([option]) => option.length))
  const lines = options.map(([option, text]) => `  ${option.padEnd(width)}  ${text}`)
  const usage = operand === undefined ? name : `${name} ${operand}`
  return `llb ${usage}: ${summary}\n\nOptions:\n${lines.join('\n')}\n\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}\n\n${exitText(exitCodesOf(command))}\n`
}

/** All exit codes of a command, in their order; its own words go before those for every command. */
export function exitCodesOf({ exitCodes = [] }: Command): string[] {
  const meanings = new Map([...EXIT_CODES, ...exitCodes].map((text) => [Number.parseInt(text, 10), text]))
  return [...meanings].sort(([a], [b]) => a - b).map(([, text]) => text)
}

function exitText(codes: readonly string[]): string {
  return `Exit codes: ${codes.join(', ')}.`
}
