import type { ParseArgsConfig } from 'node:util'

/** The options of a command line, by name, and its operand. */
export type Values = Readonly<Record<string, string | boolean | undefined>>

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

/** Tells on standard error why a command cannot be done as it was asked for; gives the exit code. */
export function wrong(message: string): number {
  process.stderr.write(`${message}\n`)
  return 2
}

/** Tells on standard error what was found instead of a result; gives the exit code. */
export function failed(message: string): number {
  process.stderr.write(`${message}\n`)
  return 1
}
