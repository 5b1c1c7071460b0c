import { machine, writeBetweenMarkers } from '../report.ts'
import { renderDecisions, verdict } from './decision-report.ts'
import { type Effort, overBudget, type Steady, steadyState } from './steady.ts'
import { type CreateSubject, pureCore, wholeBalancer } from './subjects.ts'

/**
 * What a decision costs, and how that grows with the number of waiting requests, with 50 LLMs.
 * `npm run bench:decision` measures, updates docs/benchmarks.md and ends with 1 when the target is missed.
 * `-- --quick` only shows that everything works: it writes nothing and ends with 0.
 */
const FULL: Effort = { warmUp: 6_000, measured: 12_000, budgetMs: 30_000 }
const QUICK: Effort = { warmUp: 50, measured: 200, budgetMs: 5_000 }

const quick = process.argv.includes('--quick')
const effort = quick ? QUICK : FULL

/** One row for each number of waiting requests; what is over budget with fewer is not tried with more. */
function run(subject: CreateSubject, sizes: readonly number[]): Steady[] {
  const rows: Steady[] = []
  for (const waiting of sizes) {
    if (process.stderr.isTTY) process.stderr.write(`${waiting} waiting\n`)
    const isHopeless = rows.at(-1)?.perRequestUs === null
    rows.push(isHopeless ? overBudget(waiting) : steadyState(subject, waiting, effort))
  }
  return rows
}

const results = {
  budgetMs: effort.budgetMs,
  core: run(pureCore, quick ? [100] : [100, 1_000, 10_000, 100_000, 1_000_000]),
  balancer: run(wholeBalancer, quick ? [100] : [10_000, 100_000]),
}

const line = verdict(results)
const report = `${renderDecisions(line, results)}\n${machine()}`
process.stdout.write(`${report}\n`)
if (quick) process.exit(0)
const document = new URL('../../../docs/benchmarks.md', import.meta.url).pathname
writeBetweenMarkers(document, report, 'npm run bench:decision')
process.exit(line?.met ? 0 : 1)
