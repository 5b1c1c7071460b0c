import type { Picture } from '../replay/picture.ts'
import { table } from './table.ts'
import { grouped } from './terminal.ts'

/** Rows of requests that are shown at most; `--json` has all. */
export const ROWS_MAX = 30

/** A state of the past as tables. */
export function describePicture(picture: Picture): string {
  const { seq, at, waiting, running } = picture
  const counts = `${grouped(waiting.length)} waiting, ${grouped(running.length)} running`
  return [
    `after event ${grouped(seq)} at ${new Date(at).toISOString()}: ${counts}\n`,
    table([['LLM', 'status', 'until', 'because'], ...picture.llms.map((llm) => llmRow(llm, at))], 3),
    section(
      LIMIT_HEAD,
      2,
      picture.limits.map((limit) => limitRow(limit, at)),
    ),
    section(
      WAITING_HEAD,
      4,
      waiting.slice(0, ROWS_MAX).map((one) => waitingRow(one, at)),
    ),
    more(waiting.length),
    section(
      RUNNING_HEAD,
      3,
      running.slice(0, ROWS_MAX).map((one) => runningRow(one, at)),
    ),
    more(running.length),
  ].join('')
}

const LIMIT_HEAD = ['limit', 'of', 'used', 'reserved', 'in force', 'declared', 'room', 'unused']
const WAITING_HEAD = ['waiting', 'client', 'model', 'priority', 'for', 'came at position', 'waits for']
const RUNNING_HEAD = ['running', 'client', 'LLM', 'attempt', 'for', 'tokens reserved']

function section(head: readonly string[], left: number, rows: readonly string[][]): string {
  return rows.length === 0 ? '' : `\n${table([head, ...rows], left)}`
}

function more(count: number): string {
  return count > ROWS_MAX ? `and ${grouped(count - ROWS_MAX)} more\n` : ''
}

function llmRow({ llm, status, until, because }: Picture['llms'][number], at: number): string[] {
  const rest = status === 'exhausted' || status === 'cooling' ? fromNow(until, at) : '-'
  return [llm, status, rest, because ?? '']
}

function limitRow(limit: Picture['limits'][number], at: number): string[] {
  const { used, reserved, in_force: inForce, declared } = limit
  const amounts = [used, reserved, inForce, declared].map(grouped)
  return [
    limit.limit,
    limit.llms.join(', '),
    ...amounts,
    ...[limit.room_at, limit.unused_at].map((on) => fromNow(on, at)),
  ]
}

function waitingRow(one: Picture['waiting'][number], at: number): string[] {
  const waitsFor = one.waiting_for ?? (one.attempts > 0 ? `another attempt after ${one.attempts}` : '-')
  const position = one.position === null ? '-' : String(one.position)
  return [
    one.request,
    one.client,
    one.model ?? '-',
    one.priority ?? '-',
    spanText(at - one.since),
    position,
    waitsFor,
  ]
}

function runningRow(
  { request, client, llm, attempt, since, reserved }: Picture['running'][number],
  at: number,
): string[] {
  const tokens = `${grouped(reserved.input_tokens)} + ${grouped(reserved.output_tokens)}`
  return [request, client, llm, String(attempt), spanText(at - since), tokens]
}

/** When something is, seen from an instant: `now`, `in 12.3 s`, `when a call ends`. */
function fromNow(on: number | null, at: number): string {
  if (on === null) return 'when a call ends'
  return on <= at ? 'now' : `in ${spanText(on - at)}`
}

function spanText(ms: number): string {
  if (ms < 1000) return `${ms} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const minutes = Math.round(ms / 60_000)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
