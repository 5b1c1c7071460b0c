import { parseArgs } from 'node:util'
import { machine, writeBetweenMarkers } from '../report.ts'
import { loadSolver } from './bound.ts'
import { measure, type Size } from './measure.ts'
import { render, verdicts } from './report.ts'

/**
 * How near the balancer's scheduling comes to what is mathematically possible.
 * `npm run bench:scheduling` measures, updates docs/benchmarks.md and ends with 1 when a target is missed.
 * `-- --seeds 3` takes three bursts of each kind and writes nothing. `-- --quick` only shows that everything works.
 */
const FULL: Size = { counts: [300, 1200], seeds: 10 }
const QUICK: Size = { counts: [60], seeds: 2 }

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, seeds: { type: 'string' } } })
const seeds = values.seeds === undefined ? FULL.seeds : Number(values.seeds)
const size = values.quick ? QUICK : { ...FULL, seeds }
const tell = (line: string) => process.stderr.isTTY && process.stderr.write(`${line}\n`)

const results = measure(await loadSolver(), size, tell)
const lines = verdicts(results)
const report = `${render(lines, results)}\n${machine()}`
process.stdout.write(`${report}\n`)
const isWhole = !values.quick && values.seeds === undefined
if (isWhole) {
  const document = new URL('../../../docs/benchmarks.md', import.meta.url).pathname
  writeBetweenMarkers(document, report, 'npm run bench:scheduling')
}
process.exit(lines.every(({ met }) => met) ? 0 : 1)
