import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { dirname } from 'node:path'
import type { Cost, Crowd } from './measure.ts'

export interface Results {
  readonly whole: Cost
  readonly chunk: Cost
  readonly startUpMs: number
  readonly idleMb: number
  readonly crowd: Crowd
}

/** One line of the report. */
export interface Line {
  readonly what: string
  readonly value: string
  readonly target: string
  readonly met: boolean
}

/** Holds the results against the targets of the project. */
export function judge({ whole, chunk, startUpMs, idleMb, crowd }: Results): Line[] {
  const errors = whole.errors + chunk.errors
  return [
    line('CPU time per whole answer', `${cost(whole)}`, 'at most 2.0x', whole.ratio <= 2),
    line('CPU time per streamed chunk', `${cost(chunk)}`, 'at most 1.3x', chunk.ratio <= 1.3),
    line('errors in these rounds', String(errors), '0', errors === 0),
    line('start to first answer', `${startUpMs.toFixed(0)} ms`, 'under 400 ms', startUpMs < 400),
    line('resident memory, idle', `${idleMb.toFixed(0)} MB`, 'under 100 MB', idleMb < 100),
    line(`errors in ${crowd.streams} concurrent streams`, String(crowd.errors), '0', crowd.errors === 0),
  ]
}

/** The lines as a Markdown table, with the machine and the day they were measured on. */
export function render(lines: readonly Line[], { whole, chunk, crowd }: Results): string {
  const rows = lines.map(
    ({ what, value, target, met }) => `| ${what} | ${value} | ${target} | ${met ? 'yes' : '**no**'} |`,
  )
  const memory = `Resident memory with ${crowd.streams} concurrent streams: ${crowd.residentMb.toFixed(0)} MB.`
  const forward = `Against Hono's proxy helper: ${forwardCost(whole)} per whole answer, ${forwardCost(chunk)} per streamed chunk.`
  const head = ['| what | measured | target | met |', '|---|---|---|---|']
  return [...head, ...rows, '', forward, memory, machine()].join('\n')
}

const END = '<!-- end -->'

/** Replaces what stands between a command's markers in a document, or appends both to one that has none. */
export function writeBetweenMarkers(path: string, text: string, command = 'npm run bench'): void {
  mkdirSync(dirname(path), { recursive: true })
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '# Benchmarks\n'
  const begin = `<!-- begin: written by ${command} -->`
  const section = `${begin}\n${text}\n${END}`
  const from = before.indexOf(begin)
  const to = before.indexOf(END, from)
  const found = from >= 0 && to >= 0
  const after = found
    ? before.slice(0, from) + section + before.slice(to + END.length)
    : `${before.trimEnd()}\n\n${section}\n`
  writeFileSync(path, after)
}

function line(what: string, value: string, target: string, met: boolean): Line {
  return { what, value, target, met }
}

function cost({ bareUs, ownUs, ratio }: Cost): string {
  return `${ratio.toFixed(2)}x (${ownUs.toFixed(1)} us, pass-through ${bareUs.toFixed(1)} us)`
}

function forwardCost({ forwardUs, forwardRatio }: Cost): string {
  return `${forwardRatio.toFixed(2)}x (${forwardUs.toFixed(1)} us)`
}

/** The machine and the day, as a sentence. */
export function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown processor'
  const memoryGb = (totalmem() / 2 ** 30).toFixed(0)
  const day = new Date().toISOString().slice(0, 10)
  return `Measured on ${day}: ${model}, ${cpus().length} cores, ${memoryGb} GB, ${type()} ${release()}, Bun ${process.versions.bun}.`
}
