import { machine, writeBetweenMarkers } from '../report.ts'
import { judge, render } from './forecast-report.ts'
import { type Figures, measureTrace, sumOf } from './measure.ts'
import { createTraces } from './traces.ts'

/**
 * How well the forecast holds: whether those who are refused early would have missed their deadlines, whether those
 * who are let in meet theirs, and whether `Retry-After` is right. `npm run bench:forecast` measures, updates
 * docs/benchmarks.md and ends with 1 when a target is missed.
 */
const EFFORT = { letInOneIn: 50, againOneIn: 25, againAloneOneIn: 40 }
const SEEDS = [1, 2]

const groups = new Map<string, Figures[]>()
for (const trace of createTraces(SEEDS)) {
  if (process.stderr.isTTY) process.stderr.write(`${trace.name}\n`)
  groups.set(trace.kind, [...(groups.get(trace.kind) ?? []), measureTrace(trace, EFFORT)])
}

const lines = judge([...groups.values()].flat())
const report = `${render(
  lines,
  [...groups].map(([kind, figures]) => sumOf(kind, figures)),
)}\n${machine()}`
process.stdout.write(`${report}\n`)
const document = new URL('../../../docs/benchmarks.md', import.meta.url).pathname
writeBetweenMarkers(document, report, 'npm run bench:forecast')
process.exit(lines.every(({ met }) => met) ? 0 : 1)
