import { isOfWindow } from '../core/events.ts'
import type { Charts } from '../log/stats/charts.ts'
import type { Dimension, Group, Tally } from '../log/stats/groups.ts'
import type { LearnedLimit } from '../log/stats/learned.ts'
import type { Sketch } from '../log/stats/sketch.ts'
import type { BoundLimit, Stats } from '../log/stats/stats.ts'
import { usd } from '../log/narrate.ts'
import { durationText } from '../config/units.ts'
import { bar, sparkline } from './chart.ts'
import { table } from './table.ts'
import { grouped, isColoured, printable, rendered } from './terminal.ts'
import { minutes } from './times.ts'

export interface ReportOptions {
  readonly by: readonly Dimension[]
  /** Whether there are charts, and colours where `env` does not say otherwise. */
  readonly terminal: boolean
  readonly env: NodeJS.ProcessEnv
}

const BAR_WIDTH = 10

/** Statistics for people: a summary, charts, and a table each of counts, times, limits and what was learned of them. */
export function describe(stats: Stats, { by, terminal, env }: ReportOptions): string {
  if (stats.from === null || stats.to === null) return 'The event log has no events in this span.\n'
  const { groups, limits, learned, charts } = stats
  const names = by.map(titleOf)
  const tables: Table[] = [
    terminal
      ? withBars(names, groups)
      : { left: by.length, rows: [[...names, ...COUNTS], ...groups.map(countsRow)] },
    { left: by.length, rows: [[...names, ...TIMES], ...groups.filter(isTimed).map(timesRow)] },
    { left: 2, rows: [LIMITS, ...limits.map((limit) => limitRow(limit, terminal))] },
    { left: 2, rows: [LEARNED, ...learned.map(learnedRow)] },
  ]
  const coloured = isColoured({ isTTY: terminal }, env)
  return [
    summaryOf(stats, stats.from, stats.to),
    terminal && charts !== null ? `\n${chartsText(charts)}` : '',
    ...tables.filter(({ rows }) => rows.length > 1).map((one) => `\n${tableText(one, coloured)}`),
  ].join('')
}

/** A head and rows, of which so many columns stand to the left. */
interface Table {
  readonly rows: readonly (readonly string[])[]
  readonly left: number
}

function tableText({ rows, left }: Table, coloured: boolean): string {
  const cells = rows.map((row) => row.map(printable))
  return table(cells, left).replace(/^.*/, (head) => rendered(head, '1', coloured))
}

/** The counts, with a bar for the requests of each group beside its names. */
function withBars(names: readonly string[], groups: readonly Group[]): Table {
  const most = Math.max(1, ...groups.map(({ tally }) => tally.requests))
  const row = (group: Group) =>
    countsRow(group).toSpliced(names.length, 0, bar(group.tally.requests / most, BAR_WIDTH))
  return { left: names.length + 1, rows: [[...names, '', ...COUNTS], ...groups.map(row)] }
}

function summaryOf({ total, events }: Stats, from: number, to: number): string {
  const { requests, completed, refused, expired, failed, abandoned } = total
  const ends = { completed, refused, expired, failed, abandoned }
  const endsText = Object.entries(ends).map(([name, count]) => `${grouped(count)} ${name}`)
  const lines = [
    `${new Date(from).toISOString()} to ${new Date(to).toISOString()}, ${grouped(events)} events`,
    '',
    `requests    ${grouped(requests)}: ${endsText.join(', ')}`,
    `tokens      ${grouped(total.inputTokens)} in (${grouped(total.cachedTokens)} cached), ${grouped(total.outputTokens)} out`,
    `cost        $${usd(total.costNanoUsd)}`,
    `wait        ${sketchText(total.wait)}`,
    `first byte  ${sketchText(total.firstByte)}`,
    `answer      ${sketchText(total.answer)}`,
    `errors      ${errorsText(total)}`,
  ]
  return `${lines.join('\n')}\n`
}

function chartsText({ from, stepMs, requests, waitMs, troubles }: Charts): string {
  const most = (numbers: readonly number[], text: (number: number) => string) => text(Math.max(0, ...numbers))
  return [
    `requests    ${sparkline(requests)} most ${most(requests, grouped)}`,
    `wait p95    ${sparkline(waitMs)} most ${most(waitMs, time)}`,
    `troubles    ${sparkline(troubles)} most ${most(troubles, grouped)}`,
    `            from ${new Date(from).toISOString().slice(0, 16)}Z on, ${durationText(stepMs)} a column`,
    '',
  ].join('\n')
}

function titleOf(dimension: Dimension): string {
  return dimension === 'llm' ? 'LLM' : dimension
}

const COUNTS = [
  ...['requests', 'attempts', 'completed', 'refused', 'expired', 'failed', 'abandoned'],
  ...['tokens in', 'cached', 'out', 'cost USD', 'errors'],
]

function countsRow({ values, tally }: Group): string[] {
  const { requests, attempts, completed, refused, expired, failed, abandoned } = tally
  const { inputTokens, cachedTokens, outputTokens } = tally
  const counts = [requests, attempts, completed, refused, expired, failed, abandoned]
  const tokens = [inputTokens, cachedTokens, outputTokens]
  return [...values, ...[...counts, ...tokens].map(grouped), usd(tally.costNanoUsd), errorsText(tally)]
}

const TIMES = ['wait', 'first byte', 'answer'].flatMap((name) => [`${name} p50`, 'p95', 'p99'])

function isTimed({ tally }: Group): boolean {
  return tally.answer.count > 0 || tally.firstByte.count > 0
}

function timesRow({ values, tally }: Group): string[] {
  const { wait, firstByte, answer } = tally
  const times = [wait, firstByte, answer].flatMap((sketch) =>
    QUANTILES.map((permille) => (sketch.count === 0 ? '-' : time(sketch.quantile(permille)))),
  )
  return [...values, ...times]
}

const QUANTILES = [500, 950, 990]
const LIMITS = ['LLM', 'limit', 'at most', 'of', 'peak', 'mean', 'kept requests waiting for']
function limitRow(
  { llm, limit, unit, shared, capacity, peak, used, allowed, boundMs }: BoundLimit,
  bars: boolean,
) {
  const name = shared === null ? limit : `${limit} (shared: ${shared})`
  const waiting = boundMs === 0 ? '-' : time(boundMs)
  if (unit === null) return [llm, `${name} (learned)`, '-', '-', '-', '-', waiting]
  const shares = [peak / capacity, allowed === 0 ? 0 : used / allowed]
  const texts = shares.map((share) => shareText(share, bars))
  return [llm, name, grouped(peak), grouped(capacity), ...texts, waiting]
}

function shareText(share: number, bars: boolean): string {
  const percent = `${(100 * share).toFixed(1)} %`
  return bars ? `${bar(share, BAR_WIDTH).padEnd(BAR_WIDTH)} ${percent.padStart(7)}` : percent
}

const LEARNED = ['LLM', 'limit', 'declared', 'learned', 'at', 'because']

/** What was learned of a limit, apart from what is declared. */
function learnedRow(lesson: LearnedLimit): string[] {
  const { llm, limit, declared, at, because } = lesson
  return [llm, limit, String(declared), inForceText(lesson), new Date(at).toISOString(), because]
}

function inForceText({ in_force, per_ms, cause, window, phase_ms }: LearnedLimit): string {
  const amount = `${in_force} per ${per_ms / 1000} s`
  if (!isOfWindow(cause)) return amount
  if (window === null) return `${amount}, counted as declared`
  return `${amount}, ${window}${phase_ms === null ? '' : ` from ${phase_ms / 1000} s on`}`
}

function errorsText({ errors }: Tally): string {
  const parts = [...errors].map(([name, count]) => `${grouped(count)} ${name}`)
  return parts.length === 0 ? '0' : parts.join(', ')
}

function sketchText(sketch: Sketch): string {
  const [p50, p95, p99] = QUANTILES.map((permille) => time(sketch.quantile(permille)))
  return sketch.count === 0 ? '-' : `p50 ${p50}, p95 ${p95}, p99 ${p99}, most ${time(sketch.max)}`
}

function time(ms: number): string {
  return ms < 1000 ? `${ms} ms` : minutes(ms)
}
