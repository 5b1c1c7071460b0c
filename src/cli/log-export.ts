import type { Event, EventType } from '../core/events.ts'
import { isType } from '../log/catalogue/catalogue.ts'
import { lineOf } from '../log/lines.ts'
import { type Selection, select } from '../log/select.ts'
import { openLogReader } from '../log/sqlite.ts'
import { instantOf } from './instant.ts'
import { logFileOf, withLog } from './log-file.ts'
import { fileSink, type Sink, standardOutput } from './sink.ts'

type Values = Readonly<Record<string, string | boolean | undefined>>

/** Characters that are gathered before they are written. */
const CHUNK = 65_536

/** `llb log export`: events as lines of JSON. */
export function logExport(values: Values, env: NodeJS.ProcessEnv): number | Promise<number> {
  const meant = selectionOf(values, Date.now())
  if (typeof meant === 'string') {
    process.stderr.write(`${meant}\n`)
    return 2
  }
  const file = logFileOf(values, env)
  if (file === null) return 2
  return withLog(async () => {
    const log = openLogReader(file)
    const sink = typeof values.out === 'string' ? fileSink(values.out) : standardOutput()
    try {
      const count = await write(select(log, meant), sink)
      sink.end(true)
      process.stderr.write(`${count} events\n`)
      return 0
    } catch (error) {
      sink.end(false)
      throw error
    } finally {
      log.close()
    }
  })
}

async function write(events: Iterable<Event>, sink: Sink): Promise<number> {
  let count = 0
  let chunk = ''
  for (const event of events) {
    chunk += lineOf(event)
    count++
    if (chunk.length < CHUNK) continue
    await sink.write(chunk)
    chunk = ''
  }
  await sink.write(chunk)
  return count
}

/** What is asked for, or what is wrong with it. */
function selectionOf(values: Values, now: number): Selection | string {
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : null)
  const [since, until] = ['since', 'until'].map((name) => {
    const value = text(name)
    return value === null ? undefined : instantOf(value, now)
  })
  for (const [name, instant] of Object.entries({ since, until })) {
    if (instant === null)
      return `--${name} is "${values[name]}"; it must be a duration such as 30m, 24h or 7d, or a time such as 2026-01-31T12:00Z.`
  }
  const types = text('type')?.split(',') ?? null
  const unknown = types?.find((type) => !isType(type))
  if (unknown !== undefined) return `There is no type of event "${unknown}"; docs/events.md lists them.`
  return {
    since: since ?? 0,
    until: until ?? Number.POSITIVE_INFINITY,
    request: text('request'),
    client: text('client'),
    llm: text('llm'),
    types: types as EventType[] | null,
  }
}
