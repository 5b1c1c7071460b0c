import { kindLines } from './kinds-cases.ts'
import { learningLines } from './learning-cases.ts'
import { machine, writeBetweenMarkers } from './report.ts'

/**
 * How limits are learned that are not as declared, in worlds on a virtual clock. `npm run bench:learning` prints each
 * figure, the worst of several seeds, updates docs/benchmarks.md and ends with 1 when a target is missed.
 * `-- --quick` plays fewer and writes nothing.
 */
const quick = process.argv.includes('--quick')
const effort = quick ? { windows: 24, seeds: 1 } : { windows: 40, seeds: 5 }
const lines = [...learningLines(effort), ...kindLines(effort)]
const rows = lines.map(
  ({ what, value, target, met }) => `| ${what} | ${value} | ${target} | ${met ? 'yes' : '**no**'} |`,
)
const table = ['| what | the worst of the seeds | target | met |', '|---|---|---|---|', ...rows].join('\n')
process.stdout.write(`${table}\n`)
if (!quick) {
  const document = new URL('../../docs/benchmarks.md', import.meta.url).pathname
  writeBetweenMarkers(document, `${table}\n\n${machine()}`, 'npm run bench:learning')
}
process.exit(lines.every(({ met }) => met) ? 0 : 1)
