import type { Event } from '../core/events.ts'
import { isInput } from '../core/event-versions.ts'
import { narrate } from '../log/narrate.ts'
import type { LogReader } from '../log/store.ts'
import { type Change, foldAndCompare } from '../replay/change.ts'
import { inPages } from '../log/pages.ts'
import { pictureOf } from '../replay/picture.ts'
import { type LogState, stateAt } from '../replay/state-at.ts'
import { describePicture, ROWS_MAX } from './replay-tables.ts'
import { standardOutput } from './sink.ts'
import { grouped } from './terminal.ts'

const KEYS = 'n: next event, N: next decision, s: the state, q: quit'

/** Steps through a log, from after a state until the event `until`: by key in a terminal, else all at once. */
export async function follow(log: LogReader, state: LogState, until: number): Promise<number> {
  const steps = stepsFrom(log, state, until)
  if (process.stdin.isTTY && process.stdout.isTTY) return byKey(log, steps, state)
  const sink = standardOutput()
  for (const { text } of steps) await sink.write(text)
  return 0
}

interface Step {
  readonly event: Event
  readonly text: string
  readonly state: LogState
}

/** Each event in words, with what it changed; the state is that right after it. */
function* stepsFrom(log: LogReader, start: LogState, until: number): Generator<Step> {
  let state = start
  for (const event of inPages(log, start.seq + 1)) {
    if (event.seq > until) return
    if (event.type === 'process.started' && event.data.config_hash !== state.configHash) {
      const other = stateAt(log, event.seq)
      if (other === null) return
      state = other
      yield { event, state, text: lineOf(event, 'another configuration') }
      continue
    }
    const change = foldAndCompare(state.fold, event)
    Object.assign(state, { seq: event.seq, at: event.at })
    yield { event, state, text: lineOf(event, changeText(change)) }
  }
}

async function byKey(log: LogReader, steps: Iterator<Step>, start: LogState): Promise<number> {
  const { stdin, stdout } = process
  let state = start
  stdout.write(`${describePicture(pictureOf(log, state, ROWS_MAX))}\n${KEYS}\n`)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  const step = (isMeant: (event: Event) => boolean): boolean => {
    for (;;) {
      const { done, value } = steps.next()
      if (done) return false
      state = value.state
      stdout.write(value.text)
      if (isMeant(value.event)) return true
    }
  }
  try {
    for await (const key of stdin as AsyncIterable<string>) {
      if (key === 'q' || key === '\u0003') break
      if (key === 's') stdout.write(describePicture(pictureOf(log, state, ROWS_MAX)))
      else if (key === 'n' && !step(() => true)) break
      else if (key === 'N' && !step((event) => !isInput(event))) break
    }
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
  }
  return 0
}

/** `12  08:00:01.250  req_x  dispatched to A (...)  [what it changed]` */
function lineOf(event: Event, change: string): string {
  const time = new Date(event.at).toISOString().slice(11, 23)
  const subject = (event.request ?? event.llm ?? '').padEnd(14)
  const text = narrate(event)?.text ?? event.type
  return `${String(event.seq).padStart(8)}  ${time}  ${subject}  ${text}${change === '' ? '' : `  [${change}]`}\n`
}

function changeText({ waiting, running, status, limits }: Change): string {
  const parts = limits.map(
    ({ llm, limit, from, to, in_force: inForce }) =>
      `${llm} ${limit} ${grouped(from)} > ${grouped(to)} of ${grouped(inForce)}`,
  )
  if (status !== null) parts.unshift(`${status.llm} is ${status.to}`)
  return [...parts, `${grouped(waiting)} waiting, ${grouped(running)} running`].join('; ')
}
