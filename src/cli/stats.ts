import { suggestion } from '../config/suggest.ts'
import { chartSpan } from '../log/stats/charts.ts'
import { DIMENSIONS, type Dimension } from '../log/stats/groups.ts'
import { createStats, type Stats } from '../log/stats/stats.ts'
import { firstSince, inPages } from '../log/pages.ts'
import type { LogReader } from '../log/store.ts'
import { limitedIn } from '../log/stats/utilisation.ts'
import { HOUR_MS } from '../core/time.ts'
import { type Values, wrong } from './command.ts'
import { withLog } from './log-option.ts'
import { MOMENT_HELP, momentOf } from './moment.ts'
import { createProgress } from './progress.ts'
import { statsCsv, statsJson } from './stats-data.ts'
import { describe } from './stats-report.ts'

/** What of the log is looked at: events at `since` or later and before `until`, in ms since 1970. */
interface Query {
  readonly since: number
  readonly until: number
  readonly by: readonly Dimension[]
}

/** `llb stats`: what happened over a span of the log, read beside a running server. */
export async function stats(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  const query = queryOf(values, Date.now())
  if (typeof query === 'string') return wrong(query)
  const terminal = process.stdout.isTTY === true
  return withLog(values, env, ({ reader }) => {
    const found = read(reader, query, terminal ? chartColumns() : null)
    if (values.json === true) process.stdout.write(`${JSON.stringify(statsJson(found, query.by), null, 2)}\n`)
    else if (values.csv === true) process.stdout.write(statsCsv(found, query.by))
    else process.stdout.write(describe(found, { by: query.by, terminal, env }))
    return 0
  })
}

/** What a command line asks for, or what is wrong with it. */
function queryOf({ since, until, by, json, csv }: Values, now: number): Query | string {
  if (json === true && csv === true) return '--json and --csv exclude each other.'
  const from = typeof since === 'string' ? momentOf(since, now) : 0
  if (from === null) return `--since is "${since}"; it must be ${MOMENT_HELP}.`
  const to = typeof until === 'string' ? momentOf(until, now) : Number.POSITIVE_INFINITY
  if (to === null) return `--until is "${until}"; it must be ${MOMENT_HELP}.`
  if (from >= to) return '--since must be before --until.'
  const dimensions = typeof by === 'string' ? by.split(',') : ['llm']
  const unknown = dimensions.find((one) => !isDimension(one))
  if (unknown !== undefined)
    return `--by is "${by}"; it must be ${DIMENSIONS.join(', ')}, or several of them with commas${suggestion(unknown, DIMENSIONS) || '.'}`
  return { since: from, until: to, by: [...new Set(dimensions.filter(isDimension))] }
}

function isDimension(text: string): text is Dimension {
  return (DIMENSIONS as readonly string[]).includes(text)
}

/** Events of this long before the span are read too: what waited and ran when it began is known by them. */
const LEAD_MS = HOUR_MS
/** Events between two looks at the clock. */
const PER_LOOK = 4096

/** @param columns how wide charts may be; null for none */
function read(reader: LogReader, { since, until, by }: Query, columns: number | null): Stats {
  const first = firstSince(reader, since - LEAD_MS)
  const end = until === Number.POSITIVE_INFINITY ? null : firstSince(reader, until)
  const last = end ?? reader.last()
  const from = Math.max(since, first?.at ?? 0)
  const fold = createStats({
    since,
    by,
    llms: (first && limitedIn(reader.latest('process.started', first.seq)?.data.config)) ?? [],
    ...(columns !== null && last.at >= from && { chart: chartSpan(from, last.at, columns) }),
  })
  if (first === null) return fold.result()
  const progress = createProgress('read', last.seq - first.seq + 1, 'events')
  for (const event of inPages(reader, first.seq)) {
    if (event.at >= until) break
    fold.take(event)
    if ((event.seq - first.seq) % PER_LOOK === 0) progress.update(event.seq - first.seq)
  }
  progress.end()
  return fold.result()
}

const CHART_COLUMNS_MAX = 72

function chartColumns(): number {
  return Math.max(10, Math.min(CHART_COLUMNS_MAX, (process.stdout.columns ?? 80) - 12))
}
