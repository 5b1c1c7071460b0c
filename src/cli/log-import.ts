import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { type Imported, importLines } from '../log/lines/import.ts'
import { openLog, openLogReader } from '../log/sqlite.ts'
import { LogError } from '../log/store.ts'
import { failed, type Values, wrong } from './command.ts'
import { troubleOf } from './log-option.ts'
import { assertEmpty } from './new-log.ts'
import { createProgress } from './progress.ts'
import { readLines } from './read-lines.ts'

/** `llb log import FILE --log NEW`: a log from an export. */
export function logImport({ operand, log }: Values): number {
  const from = String(operand)
  if (typeof log !== 'string') return wrong('--log is needed: the event log to make.')
  try {
    assertFree(log)
    return make(log, from)
  } catch (error) {
    const message = troubleOf(error, log)
    if (message === null) throw error
    return told(message)
  }
}

/** Makes it beside its place, so that it is there whole or not at all. */
function make(log: string, from: string): number {
  const unfinished = `${log}.importing`
  try {
    const result = fill(unfinished, from)
    if (!result.ok) return told(`${from}:${result.line}: the event ${result.problem}`)
    renameSync(unfinished, log)
    tell(result, log)
    return 0
  } finally {
    remove(unfinished)
  }
}

function assertFree(path: string): void {
  if (!existsSync(path)) return
  const reader = openLogReader(path)
  assertEmpty(reader, path)
  reader.close()
}

function fill(path: string, from: string): Imported {
  remove(path)
  const store = openLog(path)
  try {
    return importLines(readable(from), store)
  } finally {
    store.close()
  }
}

/** The lines of a file; a file that cannot be read is told as what keeps the log from being made. */
function* readable(path: string): Generator<string> {
  try {
    const progress = createProgress('read', statSync(path).size, megabytes)
    yield* readLines(path, progress.update)
    progress.end()
  } catch (error) {
    throw new LogError(`${path} cannot be read: ${(error as Error).message}.`)
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}

function told(problem: string): number {
  return failed(`${problem}\nNothing was imported.`)
}

function tell({ events, gaps, missing }: Extract<Imported, { ok: true }>, path: string): void {
  process.stderr.write(`${events} events in ${path}\n`)
  if (gaps > 0)
    process.stderr.write(
      `${missing} events are missing in ${gaps} places, as in an export of a part: what is there can be read, but decisions cannot be verified across a gap.\n`,
    )
}

/** A log with the files beside it. */
function remove(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '.lock', '.lock-journal'])
    rmSync(`${path}${suffix}`, { force: true })
}
