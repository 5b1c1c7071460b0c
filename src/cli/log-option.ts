import type { Config } from '../config/config.ts'
import { openLogReader } from '../log/sqlite.ts'
import { LogError } from '../log/store.ts'
import { failed, type Values } from './command.ts'
import { configurationOf } from './configuration.ts'

/** The options that say which log a command reads, and their help. */
export const LOG_OPTIONS = {
  config: { type: 'string', short: 'c' },
  log: { type: 'string', short: 'l' },
} as const
export const LOG_HELP = [
  ['--config FILE', 'the configuration whose event_log.path is read (LLB_CONFIG; default config.yaml)'],
  ['--log FILE', 'this event log instead; no configuration is needed'],
] as const

/** A log that a command line asks for. */
export interface OpenLog {
  readonly reader: ReturnType<typeof openLogReader>
  readonly file: string
  /** The configuration that named the log; null with `--log`. */
  readonly config: Config | null
}

/**
 * Opens the log that a command line asks for, has it used, and closes it. Gives what `use` gives; 2 where the
 * configuration is wrong and 1 where the log cannot be read, after telling so on standard error.
 */
export async function withLog(
  values: Values,
  env: NodeJS.ProcessEnv,
  use: (log: OpenLog) => number | Promise<number>,
): Promise<number> {
  const place = placeOf(values, env)
  if (place === null) return 2
  try {
    const reader = openLogReader(place.file)
    try {
      return await use({ reader, ...place })
    } finally {
      reader.close()
    }
  } catch (error) {
    const message = troubleOf(error, place.file)
    if (message === null) throw error
    return failed(message)
  }
}

function placeOf({ config: path, log }: Values, env: NodeJS.ProcessEnv): Omit<OpenLog, 'reader'> | null {
  if (typeof log === 'string') return { file: log, config: null }
  const loaded = configurationOf(path, env)
  return loaded && { file: loaded.config.eventLog.path, config: loaded.config }
}

/** What is wrong with a log or with another file, for people; null for an error that is about something else. */
export function troubleOf(error: unknown, file: string): string | null {
  if (error instanceof LogError) return error.message
  if (!(error instanceof Error)) return null
  const { code, syscall } = error as NodeJS.ErrnoException
  if (code?.startsWith('SQLITE_')) return `The event log ${file} cannot be read: ${error.message}.`
  return syscall === undefined ? null : `${error.message}.`
}
