import { LogError } from '../log/store.ts'
import { configurationOf } from './configuration.ts'

type Value = string | boolean | undefined

/** The event log that a command line asks for; null after telling what is wrong with its configuration. */
export function logFileOf(
  { log, config }: { readonly log?: Value; readonly config?: Value },
  env: NodeJS.ProcessEnv,
): string | null {
  if (typeof log === 'string') return log
  return configurationOf(config, env)?.config.eventLog.path ?? null
}

/** Runs what reads or writes a log; what its file does not allow is told on standard error, with exit code 1. */
export async function withLog(run: () => number | Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof LogError) && !isOfFile(error)) throw error
    process.stderr.write(`${(error as Error).message}\n`)
    return 1
  }
}

/** Whether the system or SQLite says that a file cannot be used. */
function isOfFile(error: unknown): boolean {
  return error instanceof Error && (error.name === 'SqliteError' || 'errno' in error)
}
