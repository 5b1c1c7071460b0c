import type { Event } from '../core/events.ts'
import { narrate } from '../log/narrate.ts'
import type { Difference } from '../replay/verify/difference.ts'
import { type Verification, verify } from '../replay/verify/verify.ts'
import type { Values } from './command.ts'
import { withLog } from './log-option.ts'
import { createProgress } from './progress.ts'
import { table } from './table.ts'
import { counted, grouped } from './terminal.ts'

/** `llb replay --verify`: whether every decision of the log is the one that its facts lead to. */
export function replayVerify(values: Values, env: NodeJS.ProcessEnv): number | Promise<number> {
  return withLog(values, env, ({ reader }) => {
    const [first, last] = [reader.first().seq, reader.last().seq]
    const progress = createProgress('verified', last - first + 1, 'events')
    const verified = verify(reader, (seq) => {
      if (seq % 1000 === 0) progress.update(seq - first + 1)
    })
    progress.end()
    process.stdout.write(values.json === true ? `${JSON.stringify(verified, null, 2)}\n` : describe(verified))
    return isFine(verified) ? 0 : 1
  })
}

/** A log of which nothing could be verified is not one that is fine; an empty one is. */
function isFine({ difference, processes, unverified }: Verification): boolean {
  return difference === null && (processes > 0 || unverified.length === 0)
}

function describe({ events, decisions, processes, unverified, difference }: Verification): string {
  const counts = `verified    ${counted(events, 'event')} of ${counted(processes, 'process', 'processes')}, ${grouped(decisions)} of them decisions\n`
  const rest = unverified.map(({ from, to, because }) => `unverified  events ${from} to ${to}: ${because}\n`)
  return `${counts}${rest.join('')}${difference === null ? summaryOf(events) : describeDifference(difference)}`
}

function summaryOf(events: number): string {
  return events === 0 ? '' : 'Every decision is the one that the facts before it lead to.\n'
}

function describeDifference({ seq, kind, message, recorded, executed }: Difference): string {
  const when = recorded === null ? '' : ` at ${new Date(recorded.at).toISOString()}`
  const head = `differs     at event ${seq}${when}, ${kind}: ${message}\n`
  // What is out of its place is not compared with anything.
  const other = kind === 'decision' || kind === 'broken' ? `executed again  ${inWords(executed)}\n` : ''
  const sides = `\nrecorded        ${inWords(recorded)}\n${other}`
  if (recorded === null || executed === null) return `${head}${sides}`
  const [one, two] = [leavesOf(recorded), leavesOf(executed)]
  const paths = [...new Set([...one.keys(), ...two.keys()])].filter((path) => one.get(path) !== two.get(path))
  const rows = paths.map((path) => [path, one.get(path) ?? '-', two.get(path) ?? '-'])
  return `${head}${sides}\n${table([['field', 'recorded', 'executed again'], ...rows], 3)}`
}

/** One line for an event; what people need no words for is told by its type. */
function inWords(event: Event | null): string {
  if (event === null) return 'nothing'
  const about = [event.request, event.llm].filter((name) => name !== null).join(' ')
  return [event.type, about, narrate(event)?.text ?? ''].filter((part) => part !== '').join('  ')
}

/** Every value of an event by its place in it, as JSON: `data.candidates.0.score`. */
function leavesOf(event: Event): Map<string, string> {
  const leaves = new Map<string, string>()
  const visit = (value: unknown, path: string) => {
    if (typeof value !== 'object' || value === null) leaves.set(path, JSON.stringify(value))
    else for (const [key, inner] of Object.entries(value)) visit(inner, path === '' ? key : `${path}.${key}`)
  }
  const { v: _, ...rest } = event
  visit(rest, '')
  return leaves
}
