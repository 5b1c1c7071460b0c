import { FAILURE_CLASSES } from '../core/events.ts'
import { createTally, type Dimension, type Tally } from '../log/stats/groups.ts'
import type { Sketch } from '../log/stats/sketch.ts'
import type { Stats } from '../log/stats/stats.ts'
import { csv } from './csv.ts'

/** Statistics for programs; names are those of the log, units last. */
export function statsJson(stats: Stats, by: readonly Dimension[]): unknown {
  const { from, to, events, total, groups, limits, learned } = stats
  return {
    ...{ from, to, events },
    ...tallyJson(total),
    by,
    groups: groups.map(({ values, tally }) => ({
      ...Object.fromEntries(by.map((dimension, i) => [dimension, values[i]])),
      ...tallyJson(tally),
    })),
    limits: limits.map(({ boundMs, ...limit }) => ({ ...limit, bound_ms: boundMs })),
    learned,
  }
}

/** The groups, each in a row that has a column for everything that is counted. */
export function statsCsv({ groups }: Stats, by: readonly Dimension[]): string {
  const head = [...by, ...Object.keys(flat(createTally()))]
  return csv([head, ...groups.map(({ values, tally }) => [...values, ...Object.values(flat(tally))])])
}

function tallyJson(tally: Tally) {
  const { wait, firstByte, answer, errors } = tally
  const times = { wait: quantiles(wait), first_byte: quantiles(firstByte), answer: quantiles(answer) }
  return { ...counts(tally), ...times, errors: Object.fromEntries(errors) }
}

/** Every figure under a name of its own, in the same order for all. */
function flat(tally: Tally): Record<string, number | null> {
  const { wait, first_byte, answer, errors, ...rest } = tallyJson(tally)
  const times = Object.entries({ wait, first_byte, answer }).flatMap(([time, figures]) =>
    Object.entries(figures).map(([name, ms]) => [`${time}_${name}`, ms]),
  )
  const classes = FAILURE_CLASSES.map((name) => [`errors_${name}`, errors[name] ?? 0])
  return { ...rest, ...Object.fromEntries([...times, ...classes]) }
}

function counts(tally: Tally) {
  const { requests, attempts, completed, refused, expired, failed, abandoned } = tally
  return {
    ...{ requests, attempts, completed, refused, expired, failed, abandoned },
    input_tokens: tally.inputTokens,
    cached_tokens: tally.cachedTokens,
    output_tokens: tally.outputTokens,
    cost_nano_usd: tally.costNanoUsd,
  }
}

/** Null where nothing was timed. */
function quantiles(sketch: Sketch) {
  const known = (ms: number) => (sketch.count === 0 ? null : ms)
  return {
    p50_ms: known(sketch.quantile(500)),
    p95_ms: known(sketch.quantile(950)),
    p99_ms: known(sketch.quantile(990)),
    max_ms: known(sketch.max),
  }
}
