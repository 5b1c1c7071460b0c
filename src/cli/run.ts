import { parseArgs } from 'node:util'
import { type Command, wrong } from './command.ts'
import { COMMANDS } from './commands.ts'
import { helpOf, overview } from './help.ts'
import { VERSION } from './version.ts'

/** Runs a command line and returns its exit code. */
export async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const words = args[0] === undefined || args[0].startsWith('-') ? ['serve', ...args] : args
  if (args.length === 1 && args[0] === '--version') {
    process.stdout.write(`${VERSION}\n`)
    return 0
  }
  if (words[0] === 'help' || (args.length === 1 && (args[0] === '--help' || args[0] === '-h'))) {
    process.stdout.write(overview())
    return 0
  }
  const found = commandOf(words)
  if (found === null) return wrong(unknown(words[0]!))
  const { command, rest } = found
  let values: Record<string, string | boolean | undefined>
  try {
    values = valuesOf(command, rest)
  } catch (error) {
    const hint = 'Options follow the command after --, as in: npm run llb -- check --config my.yaml'
    return wrong(`${(error as Error).message}\n${hint}\nllb ${command.name} --help lists the options.`)
  }
  if (values.help === true) {
    process.stdout.write(helpOf(command))
    return 0
  }
  return command.run(values, env)
}

/** The command with which a line begins, whose name has one word or two, and the rest of the line. */
function commandOf(words: readonly string[]): { command: Command; rest: string[] } | null {
  for (const length of [2, 1]) {
    const command = COMMANDS.find(({ name }) => name === words.slice(0, length).join(' '))
    if (command !== undefined) return { command, rest: words.slice(length) }
  }
  return null
}

/** What to say of a word that is no command, or only the first of some. */
function unknown(word: string): string {
  const names = COMMANDS.map(({ name }) => name)
  const below = names.filter((name) => name.startsWith(`${word} `))
  if (below.length > 0) return `Say which: ${below.join(', ')}. Each tells more with --help.`
  return `There is no command "${word}". Commands: ${names.join(', ')}.`
}

/** Throws what is wrong with the rest of a line, for people. */
function valuesOf({ operand, options: own }: Command, args: string[]) {
  const options = { ...own, help: { type: 'boolean' as const, short: 'h' } }
  const allowPositionals = operand !== undefined
  const { values, positionals } = parseArgs({ args, options, strict: true, allowPositionals })
  if (operand !== undefined && positionals.length !== 1 && values.help !== true)
    throw new Error(`It takes one ${operand}.`)
  return { ...values, operand: positionals[0] } as Record<string, string | boolean | undefined>
}
