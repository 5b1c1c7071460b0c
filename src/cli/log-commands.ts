import type { Command } from './commands.ts'
import { logCheck } from './log-check.ts'
import { logExport } from './log-export.ts'
import { logImport } from './log-import.ts'

const text = { type: 'string' } as const
const LOG = { config: { type: 'string', short: 'c' }, log: text } as const
const LOG_HELP = [
  ['--config FILE', 'the configuration whose event_log.path it is (LLB_CONFIG; default config.yaml)'],
  ['--log FILE', 'the event log itself, without a configuration'],
] as const

/** What is done with the log as a file. */
export const LOG_COMMANDS: readonly Command[] = [
  {
    name: 'log export',
    summary: 'the events of the log, one JSON object a line',
    options: {
      ...LOG,
      ...{ since: text, until: text, request: text, client: text, llm: text, type: text },
      out: text,
    },
    optionHelp: [
      ...LOG_HELP,
      ['--since TIME', 'from then on: a duration ago (30m, 24h, 7d), or a time such as 2026-01-31T12:00Z'],
      ['--until TIME', 'up to then'],
      ['--request ID', 'one request'],
      ['--client NAME', "a client's requests, with all that happened to them"],
      ['--llm NAME', 'one LLM'],
      ['--type LIST', 'these types, separated by commas'],
      ['--out FILE', 'to a file instead of standard output'],
    ],
    examples: [
      'npm run llb -- log export --since 24h --out yesterday.jsonl',
      'npm run llb -- log export --client alice --type request.received,request.completed',
    ],
    run: logExport,
  },
  {
    name: 'log import',
    operand: 'FILE',
    summary: 'make an event log of an export, all of it or nothing',
    options: { log: text },
    optionHelp: [['--log NEW', 'the event log to make; there must be none with events']],
    examples: ['npm run llb -- log import yesterday.jsonl --log yesterday.db'],
    run: logImport,
  },
  {
    name: 'log check',
    summary: 'look for damage, gaps, events that are not valid, and requests without exactly one end',
    options: LOG,
    optionHelp: LOG_HELP,
    examples: ['npm run llb -- log check', 'npm run llb -- log check --log yesterday.db'],
    run: logCheck,
  },
]
