import { type Command, EXIT_CODES } from './command.ts'
import { COMMANDS } from './commands.ts'

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
