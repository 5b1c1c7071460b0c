import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT, RUNTIMES, type Runtime, runtimeCommand } from '../../e2e/runtimes.ts'
import { recordDrawn, recordOverSockets, recordSimulated } from './record.ts'
import type { Verified } from './verify-logs.ts'

/**
 * Records logs from simulation and over live sockets, and lets each runtime execute all of their decisions again.
 * Ends with 1 when one of them differs. `npm run bench:verify -- --events 1000000 --worlds 500 --bursts 10 --requests 1000`
 */
const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    days: { type: 'string', default: '5' },
    worlds: { type: 'string', default: '500' },
    bursts: { type: 'string', default: '10' },
    requests: { type: 'string', default: '1000' },
  },
})

const print = (line: string) => void process.stdout.write(`${line}\n`)
const number = (value: number) => Math.round(value).toLocaleString('en-US')

function verifyOn(runtime: Runtime, files: readonly string[], folder: string): Verified {
  const list = join(folder, 'files')
  writeFileSync(list, `${files.join('\n')}\n`)
  const [command, ...flags] = runtimeCommand(runtime)
  const args = [...flags, join(ROOT, 'test/bench/verify/verify-logs.ts'), list]
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${runtime} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout)
}

function report(runtime: Runtime, { events, decisions, processes, wrong, ms, peakMb }: Verified): boolean {
  const identical = wrong.length === 0 ? '100 % identical' : `${wrong.length} DIFFER`
  const speed = `${number((events / ms) * 1000)} events/s, peak ${number(peakMb)} MB`
  print(
    `  on ${runtime.padEnd(4)}  ${number(events)} events, ${number(decisions)} decisions, ${number(processes)} ${processes === 1 ? 'process' : 'processes'}: ${identical} (${speed})`,
  )
  for (const line of wrong.slice(0, 5)) print(`    ${line}`)
  return wrong.length === 0
}

const folder = mkdtempSync(join(tmpdir(), 'llb-verify-'))
try {
  const live = { bursts: Number(values.bursts), requests: Number(values.requests) }
  const recorded = [
    recordSimulated(folder, { events: Number(values.events), days: Number(values.days) }),
    recordDrawn(folder, Number(values.worlds)),
    ...(await recordOverSockets(folder, live)),
  ]
  let isFine = true
  let total = 0
  for (const logs of recorded) {
    print(logs.what)
    for (const runtime of RUNTIMES) {
      const verified = verifyOn(runtime, logs.files, folder)
      isFine = report(runtime, verified) && isFine
      total += verified.events / RUNTIMES.length
    }
  }
  print(`${number(total)} events in all`)
  process.exitCode = isFine ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
