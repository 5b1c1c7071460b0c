import type { LogReader } from '../log/store.ts'
import { pictureOf } from '../replay/picture.ts'
import { seqAt, stateAt } from '../replay/state-at.ts'
import { failed, type Values, wrong } from './command.ts'
import { withLog } from './log-option.ts'
import { MOMENT_HELP, momentOf } from './moment.ts'
import { follow } from './replay-follow.ts'
import { describePicture, ROWS_MAX } from './replay-tables.ts'

/** A place in a log as it is written on a command line. */
export const PLACE_HELP = `the number of an event, ${MOMENT_HELP}`

/** `llb replay --at`: the state at a place of the log; with `--follow` what happened from there on. */
export async function replayAt(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  const now = Date.now()
  const [at, until] = [values.at, values.until].map((text) => placeOf(text, now))
  for (const [option, place, text] of [
    ['--at', at, values.at],
    ['--until', until, values.until],
  ] as const) {
    if (place !== null) continue
    return wrong(`${option} is "${text}"; it must be ${PLACE_HELP}.`)
  }
  return withLog(values, env, ({ reader, file }) => {
    if (reader.last().seq === 0) return failed(`The event log ${file} has no events yet.`)
    const state = stateAt(reader, seqOf(reader, at ?? firstPlace(reader)))
    if (state === null) return failed(tooEarly(reader))
    const end = seqOf(reader, until ?? END)
    if (end < state.seq) return wrong('--until must not be before --at.')
    if (values.follow === true) return follow(reader, state, end)
    const text =
      values.json === true
        ? `${JSON.stringify(pictureOf(reader, state), null, 2)}\n`
        : describePicture(pictureOf(reader, state, ROWS_MAX))
    process.stdout.write(text)
    return 0
  })
}

/** An event, or an instant in ms since 1970. */
type Place = { readonly seq: number } | { readonly ms: number }

const END: Place = { seq: Number.MAX_SAFE_INTEGER }

/** Undefined where none is given, null where it is no place. */
function placeOf(text: string | boolean | undefined, now: number): Place | null | undefined {
  if (typeof text !== 'string') return undefined
  if (/^\d{1,15}$/.test(text)) return { seq: Number(text) }
  const ms = momentOf(text, now)
  return ms === null ? null : { ms }
}

function seqOf(log: LogReader, place: Place): number {
  return 'seq' in place ? place.seq : seqAt(log, place.ms)
}

/** The first event after which the state can be told. */
function firstPlace(log: LogReader): Place {
  const first = log.first().seq
  return { seq: first <= 1 ? first : (log.firstCheckpoint() ?? first) }
}

function tooEarly(log: LogReader): string {
  const first = log.firstCheckpoint()
  const from = first === null ? '' : ` It can be told from event ${first} on.`
  return `The log does not reach back far enough to tell the state there.${from}`
}
