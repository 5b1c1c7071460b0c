import type { Event } from '../core/events.ts'
import { type Level, narrate } from '../log/narrate.ts'
import { printable, rendered } from './terminal.ts'

/** The log for people, on standard error: lines in a terminal, JSON elsewhere. */
export interface Console {
  event(event: Event): void
  say(level: Level, text: string): void
  /** Writes what was not written yet. */
  flush(): void
}

const LEVELS: readonly Level[] = ['error', 'warn', 'info', 'debug']
const COLOURS: Readonly<Record<Exclude<Level, 'info'>, string>> = { error: '31', warn: '33', debug: '2' }

/** Lines of one turn of the event loop are written together. */
export function createConsole(level: Level, terminal: boolean, colour: boolean, now: () => number): Console {
  const most = LEVELS.indexOf(level)
  const format = terminal ? (colour ? colouredLine : plainLine) : jsonLine
  let waiting = ''

  const flush = () => {
    if (waiting !== '') process.stderr.write(waiting)
    waiting = ''
  }
  const write = (line: string) => {
    if (waiting === '') setTimeout(flush, 0)
    waiting += line
  }

  return {
    flush,
    say(at, text) {
      if (LEVELS.indexOf(at) <= most) write(format(now(), at, null, text, null))
    },
    event(event) {
      if (most < 2 && !NOTABLE.has(event.type)) return
      const line = narrate(event)
      if (line === null || LEVELS.indexOf(line.level) > most) return
      write(format(event.at, line.level, event.request ?? event.llm, line.text, event))
    },
  }
}

/** Events that can be worth a line below level `info`. */
const NOTABLE: ReadonlySet<string> = new Set([
  'request.retried',
  'request.failed',
  'request.rejected',
  'request.expired',
  'llm.cooling',
  'llm.disabled',
  'llm.crashed',
])

function plainLine(at: number, _level: Level, subject: string | null, text: string): string {
  const time = `${new Date(at).toISOString().slice(11, 19)}Z`
  return `${time} ${printable(subject === null ? text : `${subject.padEnd(18)} ${text}`)}\n`
}

function colouredLine(at: number, level: Level, subject: string | null, text: string): string {
  const line = plainLine(at, level, subject, text)
  return level === 'info' ? line : `${rendered(line.trimEnd(), COLOURS[level], true)}\n`
}

function jsonLine(
  at: number,
  level: Level,
  _subject: string | null,
  text: string,
  event: Event | null,
): string {
  const { type, request, llm } = event ?? { type: undefined, request: null, llm: null }
  const line = {
    time: new Date(at).toISOString(),
    level,
    event: type,
    request: request ?? undefined,
    llm: llm ?? undefined,
    text: text.replace(/ {2,}/, ' '),
  }
  return `${JSON.stringify(line)}\n`
}
