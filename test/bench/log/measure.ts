import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createFold, foldInto } from '../../../src/core/fold.ts'
import { openLogReader } from '../../../src/log/sqlite.ts'
import type { Config } from '../../../src/config/config.ts'
import { run } from '../../../src/cli/run.ts'
import type { Start } from './day.ts'

const ROOT = new URL('../../..', import.meta.url).pathname

/** Reads, unpacks and folds a log; events for each second. */
export interface FoldRate {
  readonly events: number
  readonly perSecond: number
  readonly perCpuSecond: number
}

/** The best of `tries` over the first `most` events of a log. */
export function measureFold(path: string, most: number, tries: number): FoldRate {
  let best: FoldRate = { events: 0, perSecond: 0, perCpuSecond: 0 }
  for (let i = 0; i < tries; i++) {
    const rate = foldOnce(path, most)
    if (rate.perSecond > best.perSecond) best = rate
  }
  return best
}

function foldOnce(path: string, most: number): FoldRate {
  const log = openLogReader(path)
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  let fold: ReturnType<typeof createFold> | null = null
  let events = 0
  for (const event of log.readFrom(1)) {
    fold ??= createFold(((event as Start).data.config as Config).llms)
    foldInto(fold, event)
    if (++events === most) break
  }
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  log.close()
  return { events, perSecond: (events / ms) * 1000, perCpuSecond: (events / (user + system)) * 1e6 }
}

/** What a command took. */
export interface Took {
  /** The whole process, and the most memory it ever had resident. */
  readonly processMs: number
  readonly peakMb: number
  /** The command alone, in a process that runs already. */
  readonly callMs: number
}

/** The slowest of the runs of a command with each of these arguments; `scratch` is a file that may be written. */
export async function measureCommand(runs: readonly (readonly string[])[], scratch: string): Promise<Took> {
  const took: Took[] = []
  for (const args of runs) took.push({ ...inProcess(args, scratch), callMs: await inside(args) })
  const most = (of: (one: Took) => number) => Math.max(...took.map(of))
  return {
    processMs: most(({ processMs }) => processMs),
    peakMb: most(({ peakMb }) => peakMb),
    callMs: most(({ callMs }) => callMs),
  }
}

function inProcess(args: readonly string[], scratch: string): Omit<Took, 'callMs'> {
  const began = performance.now()
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--preload', `${ROOT}test/bench/log/peak.ts`, `${ROOT}src/main.ts`, ...args],
    { encoding: 'utf8', env: { ...process.env, LLB_PEAK_FILE: scratch } },
  )
  const processMs = performance.now() - began
  if (status !== 0) throw new Error(`llb ${args.join(' ')} ended with ${status}: ${stderr}`)
  return { processMs, peakMb: Number(readFileSync(scratch, 'utf8')) / 1024 }
}

async function inside(args: readonly string[]): Promise<number> {
  const { stdout } = process
  const write = stdout.write
  stdout.write = () => true
  const began = performance.now()
  try {
    await run(args, process.env)
    return performance.now() - began
  } finally {
    stdout.write = write
  }
}
