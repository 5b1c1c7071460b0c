import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Command } from '../../src/cli/command.ts'
import { COMMANDS } from '../../src/cli/commands.ts'
import { exitCodesOf } from '../../src/cli/help.ts'
import { ROOT } from '../e2e/runtimes.ts'

const PATH = join(ROOT, 'docs/cli.md')
const text = readFileSync(PATH, 'utf8')
const PART = /(<!-- commands: [^\n]* -->\n)([\s\S]*?)(<!-- \/commands -->)/

/** A command as the page shows it. */
function sectionOf(command: Command): string {
  const { name, summary, optionHelp, examples } = command
  const options = optionHelp.map(([option, help]) => `| \`${option}\` | ${help.replaceAll('|', '\\|')} |`)
  return [
    `### llb ${name}`,
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    ['| option | meaning |', '| --- | --- |', ...options].join('\n'),
    `Exit codes: ${exitCodesOf(command).join(', ')}.`,
    ['```sh', ...examples, '```'].join('\n'),
  ].join('\n\n')
}

test('the page shows every command as it is (UPDATE=1 writes it)', () => {
  const shown = `\n${COMMANDS.map(sectionOf).join('\n\n')}\n\n`
  if (process.env.UPDATE === '1')
    writeFileSync(
      PATH,
      text.replace(PART, (_, head, __, end) => head + shown + end),
    )
  else expect(text.match(PART)?.[2]).toBe(shown)
})

test.each(COMMANDS.map((command) => [command.name, command] as const))(
  'every option of %s is explained, and every example uses what there is',
  (name, { options, optionHelp, examples }) => {
    expect(optionHelp.map(([option]) => option.split(' ')[0])).toEqual(
      Object.keys(options).map((key) => `--${key}`),
    )
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) {
      expect(example).toMatch(
        name === 'serve' ? /^npm start/ : new RegExp(`^npm run (-s )?llb -- ${name}\\b`),
      )
      for (const [, option] of example.matchAll(/ --([a-z][\w-]*)/g)) expect(options).toHaveProperty(option!)
    }
  },
)
