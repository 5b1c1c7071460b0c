import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { openLog } from '../../src/log/sqlite.ts'
import { simulatedLog } from '../replay/simulated.ts'
import { openTerminal } from '../support/terminal.ts'

const CONFIG = `
queue: { early_refusal: off, max_wait: 10m }
event_log: { path: events.db }
llms:
  - name: Free
    api_type: groq
    model: m
    api_key_name: A_KEY
    context_length: 8000
    limits: [{ unit: requests, amount: 10, per: 1m, window: sliding }]
`
const BURST = `
for: 1m
sources: [{ pattern: burst, requests: 40, input_tokens: 100, output_tokens: 50, max_tokens: 50 }]
`

const terminal = openTerminal()

const file = (name: string) => join(terminal.folder, name)
const llb = (...args: string[]) => run(['what-if', ...args], {})

function given(config: string): string {
  writeFileSync(file('config.yaml'), config)
  return file('config.yaml')
}
function givenLog(): string {
  const log = openLog(file('events.db'))
  log.append(simulatedLog(CONFIG, BURST))
  log.close()
  return file('events.db')
}

test('puts both side by side, and says how much was recorded', async () => {
  const config = given(CONFIG.replace('amount: 10', 'amount: 20'))
  const log = givenLog()
  expect(await llb('--config', config, '--log', log)).toBe(0)
  const lines = terminal.out.split('\n')
  expect(lines[0]).toBe(`The requests of ${log}, under ${config}`)
  expect(lines[1]).toMatch(/^2026-01-05T00:00:00.000Z to .*: 1 process, 1 configuration in the log$/)
  expect(terminal.out).toMatch(/^wait p99 +3m 2s +1m 1s$/m)
  expect(terminal.out).toMatch(/^answered +40 +40$/m)
  expect(terminal.out).toMatch(/^Free {2}requests_per_min +3m 2s +1m 1s$/m)
  expect(terminal.out).toContain('No request ends in another way.')
  expect(terminal.out).toMatch(
    /^Every decision is as recorded up to event \d+ at .*; from there on calls are simulated.$/m,
  )
  expect(terminal.out).toContain('All 40 service times are recorded.')
  expect(terminal.err).toBe('')
})

test('runs the recorded configuration in the same way, to show what is due to the simulation', async () => {
  const config = given(CONFIG.replace('amount: 10', 'amount: 20'))
  givenLog()
  expect(await llb('--config', config, '--control')).toBe(0)
  expect(terminal.out).toMatch(/^ +recorded +what if +control$/m)
  expect(terminal.out).toMatch(/^wait p99 +3m 2s +1m 1s +3m 2s$/m)
  expect(terminal.out).toMatch(/^Control: .* has 0 requests end in another way\./m)
})

test('says why there is no control', async () => {
  givenLog()
  expect(await llb('--config', given(CONFIG), '--control')).toBe(0)
  expect(terminal.err).toBe('There is no control: nothing was simulated.\n')
})

test('lists no more requests that end in another way than asked for, and all as JSON', async () => {
  const config = given(CONFIG.replace('max_wait: 10m', 'max_wait: 1m'))
  givenLog()
  expect(await llb('--config', config, '--changes', '2')).toBe(0)
  expect(terminal.out).toContain('30 requests end in another way:\n30  answered by Free -> expired\n')
  expect(terminal.out.match(/^req_\S+ .* anybody +answered by Free -> expired$/gm)).toHaveLength(2)
  expect(terminal.out).toContain('and 28 more; --json has all')
  terminal.out = ''
  expect(await llb('--config', config, '--json')).toBe(0)
  const { changes, log } = JSON.parse(terminal.out) as { changes: unknown[]; log: string }
  expect(changes).toHaveLength(30)
  expect(log).toBe(file('events.db'))
})

test('says what is wrong with a log or a span', async () => {
  const config = given(CONFIG)
  expect(await llb('--config', config)).toBe(1)
  expect(terminal.err).toContain(`There is no event log at ${file('events.db')}.`)
  terminal.err = ''
  expect(await llb('--config', config, '--log', config)).toBe(1)
  expect(terminal.err).toContain('file is not a database')
  terminal.err = ''
  givenLog()
  expect(await llb('--config', config, '--from', '2030-01-01')).toBe(1)
  expect(terminal.err).toBe(`${file('events.db')}: The event log has no events in this span.\n`)
  expect(terminal.out).toBe('')
})

test.each([
  [['--from', 'noon'], '--from is "noon"; it must be'],
  [['--from', '1h', '--to', '2h'], '--from must be before --to.'],
  [['--changes', 'all'], '--changes is "all"; it must be a whole number of at least 0.'],
  [['--config', 'nowhere.yaml'], 'nowhere.yaml'],
])('refuses %j with exit code 2', async (args, message) => {
  given(CONFIG)
  expect(await llb('--config', file('config.yaml'), ...args)).toBe(2)
  expect(terminal.err).toContain(message)
  expect(terminal.out).toBe('')
})

test('tells where a configuration is wrong', async () => {
  expect(await llb('--config', given(CONFIG.replace('amount: 10', 'amount: -1')))).toBe(2)
  expect(terminal.err).toMatch(/config\.yaml:\d+:\d+/)
})
