import { parseArgs } from 'node:util'
import { COMMANDS, helpOf, overview } from './commands.ts'
import { VERSION } from './version.ts'

/** Exit codes: 0 done, 1 found something wrong, 2 wrong usage or configuration. */
export const DONE = 0
export const FOUND = 1
export const WRONG = 2

/** Runs a command line and returns its exit code. */
export async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [name = 'serve', ...rest] = args[0]?.startsWith('-') ? ['serve', ...args] : args
  if (args.length === 1 && args[0] === '--version') {
    process.stdout.write(`${VERSION}\n`)
    return DONE
  }
  if (name === 'help' || (args.length === 1 && (args[0] === '--help' || args[0] === '-h'))) {
    process.stdout.write(overview())
    return DONE
  }
  const command = COMMANDS.find((one) => one.name === name)
  if (command === undefined) {
    process.stderr.write(
      `There is no command "${name}". Commands: ${COMMANDS.map((one) => one.name).join(', ')}.\n`,
    )
    return WRONG
  }
  let values: Record<string, string | boolean | undefined>
  try {
    const options = { ...command.options, help: { type: 'boolean' as const, short: 'h' } }
    values = parseArgs({ args: rest, options, strict: true }).values as typeof values
  } catch (error) {
    const hint = 'Options follow the command after --, as in: npm run llb -- check --config my.yaml'
    process.stderr.write(`${(error as Error).message}\n${hint}\nllb ${name} --help lists the options.\n`)
    return WRONG
  }
  if (values.help === true) {
    process.stdout.write(helpOf(command))
    return DONE
  }
  return command.run(values, env)
}
