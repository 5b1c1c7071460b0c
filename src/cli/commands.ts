import { check } from './check.ts'
import type { Command } from './command.ts'
import { LOG_COMMANDS } from './log-commands.ts'
import { REPLAY_COMMANDS } from './replay-commands.ts'
import { serveCommand } from './serve-command.ts'
import { simulateCommand } from './simulate.ts'

const CONFIG_HELP = ['--config FILE', 'the configuration (LLB_CONFIG; default config.yaml)'] as const
const config = { type: 'string', short: 'c' } as const

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
      'npm run -s llb -- simulate --config my.yaml --workload my-workload.yaml --seed 2 --json',
    ],
    run: simulateCommand,
  },
  ...REPLAY_COMMANDS,
  ...LOG_COMMANDS,
]
