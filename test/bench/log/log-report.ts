import type { Line } from '../report.ts'
import type { Built } from './build.ts'
import type { FoldRate, Slices, Took } from './measure.ts'

export interface LogResults {
  readonly built: Built
  readonly fold: FoldRate
  readonly replayAt: Took
  readonly explain: Took
  readonly retention: Slices
}

const APPENDED_PER_SECOND = 200_000
const FOLDED_PER_SECOND = 300_000
const REPLAY_MS = 1_000
const EXPLAIN_MS = 100
/** What a command may have resident: far less than such a log. */
const PEAK_MB = 200
/** What wants to be written may wait for so long while old commits are deleted, and so much memory may be used. */
const WAIT_MS = 10
const GROWN_MB = 50

/** Holds the results against the targets of the project. */
export function judgeLog({ built, fold, replayAt, explain, retention }: LogResults): Line[] {
  const appended = (built.events / built.appendMs) * 1000
  const { waitP99Ms, grownMb } = retention
  return [
    line(
      'append, in commits of 64 events',
      rate(appended),
      `at least ${rate(APPENDED_PER_SECOND)}`,
      appended >= APPENDED_PER_SECOND,
    ),
    line(
      'read, unpack and fold',
      rate(fold.perSecond),
      `at least ${rate(FOLDED_PER_SECOND)}`,
      fold.perSecond >= FOLDED_PER_SECOND,
    ),
    line(
      '`replay --at`, whole process',
      ms(replayAt.processMs),
      `under ${ms(REPLAY_MS)}`,
      replayAt.processMs < REPLAY_MS,
    ),
    line('its peak memory', mb(replayAt.peakMb), `under ${mb(PEAK_MB)}`, replayAt.peakMb < PEAK_MB),
    line('`explain`', ms(explain.callMs), `under ${ms(EXPLAIN_MS)}`, explain.callMs < EXPLAIN_MS),
    line('its peak memory', mb(explain.peakMb), `under ${mb(PEAK_MB)}`, explain.peakMb < PEAK_MB),
    line(
      'a commit waits while old ones are deleted, p99',
      `${waitP99Ms.toFixed(1)} ms`,
      `at most ${ms(WAIT_MS)}`,
      waitP99Ms <= WAIT_MS,
    ),
    line('memory that deleting takes', mb(grownMb), `at most ${mb(GROWN_MB)}`, grownMb <= GROWN_MB),
  ]
}

/** The lines as a Markdown table, and what else there is to know of the log. */
export function renderLog(lines: readonly Line[], results: LogResults): string {
  const { built, fold, replayAt, explain, retention } = results
  const rows = lines.map(
    ({ what, value, target, met }) => `| ${what} | ${value} | ${target} | ${met ? 'yes' : '**no**'} |`,
  )
  const { events, bytes, checkpoints, checkpointBytes, appendCpuMs } = built
  const share = ((checkpointBytes / bytes) * 100).toFixed(1)
  const size = `The log: ${count(events)} events of ${(bytes / events).toFixed(0)} bytes each, ${count(checkpoints)} checkpoints of ${(checkpointBytes / checkpoints / 1000).toFixed(0)} kB each, ${share} % of it.`
  const cpu = `By CPU time: append ${rate((events / appendCpuMs) * 1000)}, fold ${rate(fold.perCpuSecond)} (over ${count(fold.events)} events).`
  const calls = `The slowest of ten places, told by number and by time. Without the start of a process: \`replay --at\` ${ms(replayAt.callMs)}. \`explain\` as a whole process: ${ms(explain.processMs)}.`
  const deleted = `Deleted: ${count(retention.commits)} commits in ${count(retention.slices)} slices.`
  return [
    '| what | measured | target | met |',
    '|---|---|---|---|',
    ...rows,
    '',
    size,
    cpu,
    calls,
    deleted,
  ].join('\n')
}

function line(what: string, value: string, target: string, met: boolean): Line {
  return { what, value, target, met }
}

const count = (value: number) => Math.round(value).toLocaleString('en-US')
const rate = (perSecond: number) => `${count(perSecond)} events/s`
const ms = (value: number) => `${count(value)} ms`
const mb = (value: number) => `${count(value)} MB`
