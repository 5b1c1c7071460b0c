import type { Line } from '../report.ts'
import { type Figures, type Share, sumOf } from './measure.ts'

/** Holds the sum of all traces against the targets. */
export function judge(figures: readonly Figures[]): Line[] {
  const { missedAnyway, missedAlone, met, kept, rightRetry, rightAlone } = sumOf('all', figures)
  return [
    line('early refusals that miss their deadline when nothing is refused early', missedAnyway, 95),
    line('early refusals that miss their deadline when let in alone, of a sample', missedAlone, 95),
    line('requests told to be in time that are', met, 99),
    line('refused and sent again as told, up to 20 % or 1 s later: in time', kept, 95),
    line('`Retry-After` within 20 % or 1 s where all heed it, of a sample', rightRetry, 95),
    line('`Retry-After` within 20 % or 1 s where one alone heeds it, of a sample', rightAlone, 95),
  ]
}

function line(what: string, share: Share, leastPercent: number): Line {
  const [part, all] = share
  return {
    what,
    value: shown(share),
    target: `at least ${leastPercent} %`,
    met: part * 100 >= leastPercent * all,
  }
}

/** The verdict, then each kind of trace. */
export function render(lines: readonly Line[], groups: readonly Figures[]): string {
  const verdict = lines.map(
    ({ what, value, target, met }) =>
      `| ${what} | ${value} | ${target} | ${met ? 'reached' : '**NOT reached**'} |`,
  )
  const rows = groups.map(({ name, requests, missedAnyway, missedAlone, met, metAtRisk, rightAlone }) =>
    [name, requests, ...[missedAnyway, missedAlone, met, metAtRisk, rightAlone].map(shown)].join(' | '),
  )
  const heeded = groups.map(({ name, metHeeded, kept, rightRetry }) =>
    [name, ...[kept, rightRetry, metHeeded].map(shown)].join(' | '),
  )
  return [
    '| what | measured | target | |',
    '|---|---|---|---|',
    ...verdict,
    '',
    '| traces | requests | refused, missed anyway | alone | told in time, was | told late, in time all the same | right `Retry-After` |',
    '|---|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
    '',
    '| traces, where all that are refused come again as told | in time then | right `Retry-After` | told in time, was |',
    '|---|---|---|---|',
    ...heeded.map((row) => `| ${row} |`),
    '',
  ].join('\n')
}

function shown([part, all]: Share): string {
  return all === 0 ? 'none' : `${((part * 100) / all).toFixed(1)} % of ${all}`
}
