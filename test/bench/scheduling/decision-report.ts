import type { Line } from '../report.ts'
import type { Steady } from './steady.ts'

export interface Decisions {
  readonly budgetMs: number
  /** By the pure core alone, from few waiting requests to many. */
  readonly core: readonly Steady[]
  /** Through the whole balancer. */
  readonly balancer: readonly Steady[]
}

const TARGET_WAITING = 100_000
const TARGET_US = 20

/** Holds the core against its target; null when it was not measured with so many waiting. */
export function verdict({ core }: Decisions): Line | null {
  const row = core.find(({ waiting }) => waiting === TARGET_WAITING)
  if (row === undefined) return null
  const what = `core, ${thousands(TARGET_WAITING)} waiting, 50 LLMs`
  const met = row.perRequestUs !== null && row.perRequestUs <= TARGET_US
  return { what, value: shown(row), target: `at most ${TARGET_US} us`, met }
}

export function renderDecisions(line: Line | null, { budgetMs, core, balancer }: Decisions): string {
  const head = ['| what | waiting | CPU time for each request | beside the row before |', '|---|---|---|---|']
  const rows = [...rowsOf('core', core), ...rowsOf('whole balancer', balancer)]
  const over = `Over budget: more than ${budgetMs / 1000} s of CPU time for a row; what is given then is of the requests that were done.`
  const judged =
    line && `${line.what}: ${line.value}, target ${line.target}: ${line.met ? 'reached' : '**NOT reached**'}.`
  return [...head, ...rows, '', judged, over].filter((one) => one !== null).join('\n')
}

function rowsOf(what: string, some: readonly Steady[]): string[] {
  return some.map(
    (row, i) => `| ${what} | ${thousands(row.waiting)} | ${shown(row)} | ${growth(some[i - 1], row)} |`,
  )
}

function growth(before: Steady | undefined, { perRequestUs }: Steady): string {
  if (before?.perRequestUs == null || perRequestUs === null) return ''
  return `${(perRequestUs / before.perRequestUs).toFixed(2)}x`
}

function shown({ perRequestUs, requests, isOverBudget }: Steady): string {
  if (perRequestUs === null) return 'over budget'
  const time = `${perRequestUs.toFixed(1)} us`
  return isOverBudget ? `over budget (${time} over ${thousands(requests)} requests)` : time
}

function thousands(count: number): string {
  return count.toLocaleString('en-US')
}
