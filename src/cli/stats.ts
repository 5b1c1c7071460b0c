import { DURATION, durationMs } from '../config/units.ts'
import { isOfWindow } from '../core/events.ts'
import { type LearnedLimit, type LlmStats, type Stats, statsOf } from '../log/stats.ts'
import { withLog } from './log-option.ts'
import { table } from './table.ts'

interface Values {
  readonly config?: string | boolean | undefined
  readonly log?: string | boolean | undefined
  readonly since?: string | boolean | undefined
  readonly json?: string | boolean | undefined
}

/** `llb stats`: what each LLM did, read beside a running server. */
export async function stats(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  const since = sinceOf(values.since)
  if (since === null) {
    process.stderr.write(`--since is "${values.since}"; it must be a duration such as 30m, 24h or 7d.\n`)
    return 2
  }
  return withLog(values, env, ({ reader }) => {
    const found = statsOf(reader.read(since))
    process.stdout.write(values.json === true ? `${JSON.stringify(found, null, 2)}\n` : describe(found))
    return 0
  })
}

function sinceOf(text: string | boolean | undefined): number | null {
  if (typeof text !== 'string') return 0
  return DURATION.test(text) ? Date.now() - durationMs(text) : null
}

function describe(stats: Stats): string {
  if (stats.from === null || stats.to === null) return 'The event log has no events in this span.\n'
  const { requests, refused, expired, abandoned, failed } = stats
  const span = `${new Date(stats.from).toISOString()} to ${new Date(stats.to).toISOString()}`
  const head = [
    'LLM',
    'requests',
    'input tokens',
    'output tokens',
    'cost USD',
    'mean wait s',
    'max wait s',
    'errors',
  ]
  const counts = `${requests} requests: ${refused} refused, ${expired} expired, ${abandoned} abandoned, ${failed} failed`
  const llms = table([head, ...stats.llms.map(rowOf)], 1)
  return `${span}\n${counts}\n\n${llms}${describeLearned(stats)}`
}

/** What was learned of limits, apart from what is declared. */
function describeLearned({ llms }: Stats): string {
  const rows = llms.flatMap(({ llm, learned }) =>
    learned.map((lesson) => [
      llm,
      lesson.limit,
      String(lesson.declared),
      inForceText(lesson),
      new Date(lesson.at).toISOString(),
      lesson.because,
    ]),
  )
  if (rows.length === 0) return ''
  return `\n${table([['LLM', 'limit', 'declared', 'learned', 'at', 'because'], ...rows], 2)}`
}

function inForceText({ inForce, perMs, cause, window, phaseMs }: LearnedLimit): string {
  const amount = `${inForce} per ${perMs / 1000} s`
  if (!isOfWindow(cause)) return amount
  if (window === null) return `${amount}, counted as declared`
  return `${amount}, ${window}${phaseMs === null ? '' : ` from ${phaseMs / 1000} s on`}`
}

function rowOf(llm: LlmStats): string[] {
  const errors = Object.entries(llm.errors).map(([name, count]) => `${count} ${name}`)
  return [
    llm.llm,
    String(llm.requests),
    String(llm.inputTokens),
    String(llm.outputTokens),
    (llm.costNanoUsd / 1e9).toFixed(6),
    llm.requests === 0 ? '-' : (llm.waitMsTotal / llm.requests / 1000).toFixed(1),
    (llm.waitMsMax / 1000).toFixed(1),
    errors.length === 0 ? '0' : errors.join(', '),
  ]
}
