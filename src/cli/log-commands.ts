import type { Command } from './command.ts'
import { logCheck } from './log-check.ts'
import { logExport } from './log-export.ts'
import { logImport } from './log-import.ts'
import { LOG_HELP, LOG_OPTIONS } from './log-option.ts'
import { MOMENT_HELP } from './moment.ts'

const text = { type: 'string' } as const

/** What is done with the log as a file. */
export const LOG_COMMANDS: readonly Command[] = [
  {
    name: 'log export',
    summary: 'the events of the log, one JSON object a line',
    options: {
      ...LOG_OPTIONS,
      ...{ since: text, until: text, request: text, client: text, llm: text, type: text },
      out: text,
    },
    optionHelp: [
      ...LOG_HELP,
      ['--since TIME', `from then on: ${MOMENT_HELP}`],
      ['--until TIME', 'up to then'],
      ['--request ID', 'one request'],
      ['--client NAME', "a client's requests, with all that happened to them"],
      ['--llm NAME', 'one LLM'],
      ['--type LIST', 'these types, separated by commas'],
      ['--out FILE', 'to a file instead of standard output'],
    ],
    examples: [
      'npm run llb -- log export --since 24h --out yesterday.jsonl',
      'npm run -s llb -- log export --client alice --type request.received,request.completed | head',
    ],
    run: logExport,
  },
  {
    name: 'log import',
    operand: 'FILE',
    summary: 'make an event log of an export, all of it or nothing',
    options: { log: LOG_OPTIONS.log },
    optionHelp: [['--log NEW', 'the event log to make; there must be none with events']],
    examples: ['npm run llb -- log import yesterday.jsonl --log yesterday.db'],
    run: logImport,
  },
  {
    name: 'log check',
    summary: 'look for damage, gaps, events that are not valid, and requests without exactly one end',
    options: LOG_OPTIONS,
    optionHelp: LOG_HELP,
    examples: ['npm run llb -- log check', 'npm run llb -- log check --log yesterday.db'],
    run: logCheck,
  },
]
