import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT, RUNTIMES, type Runtime, runtimeCommand } from '../../e2e/runtimes.ts'
import { machine, writeBetweenMarkers } from '../report.ts'
import { type Recorded, recordDrawn, recordOverSockets, recordSimulated } from './record.ts'
import type { Verified } from './verify-logs.ts'

/**
 * Records logs from simulation and over live sockets, and lets each runtime execute all of their decisions again.
 * Ends with 1 when one of them differs. With `--write` the figures go to docs/benchmarks.md.
 * `npm run bench:verify -- --events 1000000 --days 5 --worlds 500 --bursts 10 --requests 1000`
 */
const text = (value: string) => ({ type: 'string', default: value }) as const
const { values } = parseArgs({
  options: {
    ...{ events: text('1000000'), days: text('5'), worlds: text('500') },
    ...{ bursts: text('10'), requests: text('1000') },
    write: { type: 'boolean', default: false },
  },
})

/** What each runtime made of some logs, in the order of `RUNTIMES`. */
interface Row {
  readonly what: string
  readonly runs: readonly Verified[]
}

const number = (value: number) => Math.round(value).toLocaleString('en-US')

function verifyOn(runtime: Runtime, files: readonly string[]): Verified {
  const list = join(folder, 'files')
  writeFileSync(list, `${files.join('\n')}\n`)
  const [command, ...flags] = runtimeCommand(runtime)
  const args = [...flags, join(ROOT, 'test/bench/verify/verify-logs.ts'), list]
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${runtime} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout)
}

function rowOf({ what, files }: Recorded): Row {
  return { what, runs: RUNTIMES.map((runtime) => verifyOn(runtime, files)) }
}

function cellOf({ events, wrong, ms }: Verified): string {
  if (wrong.length > 0) return `**${wrong.length} differ**: ${wrong[0]}`
  return `100 % identical, ${number((events / ms) * 1000)}/s`
}

function render(rows: readonly Row[]): string {
  const head = [
    `| recorded by | events | decisions | processes | ${RUNTIMES.join(' | ')} |`,
    `|---|---|---|---|${RUNTIMES.map(() => '---|').join('')}`,
  ]
  const lines = rows.map(({ what, runs }) => {
    const { events, decisions, processes } = runs[0]!
    const counts = [events, decisions, processes].map(number).join(' | ')
    return `| ${what} | ${counts} | ${runs.map(cellOf).join(' | ')} |`
  })
  const total = rows.reduce((sum, { runs }) => sum + runs[0]!.events, 0)
  const peakMb = Math.max(...rows.flatMap(({ runs }) => runs.map((run) => run.peakMb)))
  const all = `${number(total)} events in all, verified by each runtime; at most ${number(peakMb)} MB resident while verifying.`
  return [...head, ...lines, '', all, machine()].join('\n')
}

const folder = mkdtempSync(join(tmpdir(), 'llb-verify-'))
try {
  const rows = [
    recordSimulated(folder, { events: Number(values.events), days: Number(values.days) }),
    recordDrawn(folder, Number(values.worlds)),
    ...(await recordOverSockets(folder, {
      bursts: Number(values.bursts),
      requests: Number(values.requests),
    })),
  ].map(rowOf)
  const report = render(rows)
  process.stdout.write(`${report}\n`)
  if (values.write) writeBetweenMarkers(join(ROOT, 'docs/benchmarks.md'), report, 'npm run bench:verify')
  process.exitCode = rows.every(({ runs }) => runs.every(({ wrong }) => wrong.length === 0)) ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
