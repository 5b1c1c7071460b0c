import type { Event, EventType } from '../core/events.ts'
import { isType } from '../log/catalogue/catalogue.ts'
import { lineOf } from '../log/lines/lines.ts'
import { type Selection, select } from '../log/lines/select.ts'
import { type Values, wrong } from './command.ts'
import { withLog } from './log-option.ts'
import { MOMENT_HELP, momentOf } from './moment.ts'
import { createProgress } from './progress.ts'
import { fileSink, type Sink, standardOutput } from './sink.ts'
import { counted } from './terminal.ts'

/** Characters that are gathered before they are written. */
const CHUNK = 65_536

/** `llb log export`: events as lines of JSON. */
export async function logExport(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  const meant = selectionOf(values, Date.now())
  if (typeof meant === 'string') return wrong(meant)
  return withLog(values, env, async ({ reader }) => {
    const first = reader.first().seq
    const progress = createProgress('read', reader.last().seq - first + 1, 'events')
    const sink = typeof values.out === 'string' ? fileSink(values.out) : standardOutput()
    let whole = false
    try {
      const count = await write(
        select(reader, meant, (seq) => progress.update(seq - first)),
        sink,
      )
      whole = true
      progress.end()
      process.stderr.write(`${counted(count, 'event')}\n`)
      return 0
    } finally {
      progress.end()
      sink.end(whole)
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
  const moment = (name: string, otherwise: number) => {
    const value = text(name)
    return value === null ? otherwise : momentOf(value, now)
  }
  const since = moment('since', 0)
  const until = moment('until', Number.POSITIVE_INFINITY)
  if (since === null || until === null) {
    const name = since === null ? 'since' : 'until'
    return `--${name} is "${values[name]}"; it must be ${MOMENT_HELP}.`
  }
  const types = text('type')?.split(',') ?? null
  const unknown = types?.find((type) => !isType(type))
  if (unknown !== undefined) return `There is no type of event "${unknown}"; docs/events.md lists them.`
  return {
    since,
    until,
    request: text('request'),
    client: text('client'),
    llm: text('llm'),
    types: types as EventType[] | null,
  }
}
