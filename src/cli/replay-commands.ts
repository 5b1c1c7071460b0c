import type { Command } from './command.ts'
import { explainCommand } from './explain.ts'
import { LOG_HELP, LOG_OPTIONS } from './log-option.ts'
import { MOMENT_HELP } from './moment.ts'
import { replay } from './replay.ts'
import { PLACE_HELP } from './replay-at.ts'
import { stats } from './stats.ts'
import { whatIfCommand } from './what-if.ts'

/** What a log tells. */
export const REPLAY_COMMANDS: readonly Command[] = [
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
      'npm run -s llb -- stats --log copy-of-events.db --json',
    ],
    exitCodes: ['1 the log cannot be read'],
    run: stats,
  },
  {
    name: 'explain',
    operand: 'REQUEST-ID',
    summary: 'tell the life of one request, and why it went where it went, from the event log',
    options: { ...LOG_OPTIONS, json: { type: 'boolean' } },
    optionHelp: [...LOG_HELP, ['--json', 'as JSON, as GET /admin/requests/:id gives it']],
    examples: [
      'npm run llb -- explain req_1x2y3z_4f',
      'npm run -s llb -- explain req_1x2y3z_4f --log copy-of-events.db --json',
    ],
    run: explainCommand,
  },
  {
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
      [
        '--verify',
        'execute every decision again from its facts; stop at the first that differs (exit code 1)',
      ],
      ['--json', 'as JSON'],
    ],
    examples: [
      'npm run llb -- replay --at 2h',
      'npm run -s llb -- replay --at 2026-01-31T08:00Z --json',
      'npm run llb -- replay --follow --at 4711 --until 4720',
      'npm run llb -- replay --verify --log copy-of-events.db',
    ],
    run: replay,
  },
  {
    name: 'what-if',
    summary:
      'what another configuration would have done with the requests of an event log, beside what was recorded',
    options: {
      ...LOG_OPTIONS,
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
      'npm run -s llb -- what-if --config new.yaml --log data/events.db --from 24h --json',
    ],
    exitCodes: ['1 the log cannot be read, or has nothing to compare in this span'],
    run: whatIfCommand,
  },
]
