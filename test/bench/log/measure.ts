import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createFold, foldInto } from '../../../src/core/fold.ts'
import { openLog, openLogReader } from '../../../src/log/sqlite.ts'
import { BETWEEN_SLICES_MS, SLICE } from '../../../src/log/writing/retention.ts'
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

/** What deleting the oldest commits takes of whoever wants to write meanwhile. */
export interface Slices {
  readonly slices: number
  /** Commits that were deleted in all. */
  readonly commits: number
  /** How long all but one in a hundred of the commits have to wait for a slice, whenever they come. */
  readonly waitP99Ms: number
  /** By how much the resident memory grew. */
  readonly grownMb: number
}

/** Deletes the oldest commits of a log, `most` slices of them as a serving process does. */
export function measureRetention(path: string, most: number): Slices {
  const log = openLog(path)
  const residentBefore = process.memoryUsage().rss
  const times: number[] = []
  let commits = 0
  for (let deleted = SLICE; deleted === SLICE && times.length < most; ) {
    const began = performance.now()
    deleted = log.prune(Number.POSITIVE_INFINITY, SLICE)
    times.push(performance.now() - began)
    commits += deleted
  }
  const grownMb = (process.memoryUsage().rss - residentBefore) / 2 ** 20
  log.close()
  return { slices: times.length, commits, waitP99Ms: waitP99(times), grownMb }
}

/**
 * The 99th percentile of what is waited for slices that take so long, with the pauses of a serving process between
 * them, by whatever comes at any instant: who comes during a slice waits for what is left of it. In ms, to a tenth.
 */
export function waitP99(slicesMs: readonly number[]): number {
  const allMs = slicesMs.reduce((sum, ms) => sum + ms + BETWEEN_SLICES_MS, 0)
  const longer = (waitMs: number) => slicesMs.reduce((sum, ms) => sum + Math.max(0, ms - waitMs), 0)
  let tenths = 0
  while (longer(tenths / 10) > allMs / 100) tenths++
  return tenths / 10
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
