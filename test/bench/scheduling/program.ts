import type { Highs } from 'highs'
import type { SizeClass } from './classes.ts'
import { type Job, type Limit, type Llm, serviceMs } from './model.ts'

/**
 * A linear program over size classes and LLMs, in which a class may be split at will. For schedules that end by t it
 * asks for jobs n >= 0 and answer tokens o of each class on each LLM with
 *
 *   sum over LLMs of n = jobs of the class,  sum over LLMs of o = answer tokens of the class,
 *   n * (shortest answer of the class) <= o <= n * (longest answer of the class),
 *   requests and tokens of an LLM <= what its limit admits by the last start, t - (its least service time),
 *   sum over classes of n * firstByteMs + o * 1000 / tokensPerSecond <= concurrency * t   (area),
 *   n = 0 where the service time alone is longer than t.
 *
 * A window of `amount` per W admits amount * (1 + floor(y / W)) from 0 to y, a bucket amount * (1 + y / W). A job
 * counts with the tokens of the smallest of its class. Every schedule gives such n and o, so what this program
 * cannot do, no schedule can.
 */
export interface Program {
  isFeasible(timeMs: number): boolean
  /**
   * Least total price in micro-USD, or greatest total value, of what is feasible by `timeMs`; null when nothing is. A
   * job counts with the best value of its class.
   */
  optimum(timeMs: number, objective: 'price' | ((llm: Llm, job: Job) => number)): number | null
  dispose(): void
}

/** A class on an LLM that can take it. Column `2 * index` holds its jobs, the next one their answer tokens. */
interface Pair {
  readonly size: SizeClass
  readonly llm: Llm
  readonly leastServiceMs: number
}

/** lower <= sum of value * column <= upper */
interface Row {
  readonly lower: number
  readonly upper: number
  readonly entries: readonly (readonly [column: number, value: number])[]
}

export function createProgram(highs: Highs, classes: readonly SizeClass[], llms: readonly Llm[]): Program {
  const pairs = classes.flatMap((size) => size.llms.map((m) => pairOf(size, llms[m]!)))
  const width = pairs.length * 2
  const columns = { kind: 'range', from: 0, to: width - 1 } as const
  const capacities = llms.flatMap((llm) => llm.limits.map((limit) => ({ llm, limit })))
  const leastService = new Map(llms.map((llm) => [llm, leastServiceOf(pairs, llm)]))
  const model = createModel(highs, width, [
    ...capacities.map(({ llm, limit }) => usageRow(pairs, llm, limit)),
    ...classes.flatMap((size) => shareRows(pairs, size)),
    ...pairs.flatMap(answerRows),
  ])
  const { optimal } = highs.constants.modelStatus
  const { minimize, maximize } = highs.constants.objectiveSense

  function isFeasible(timeMs: number): boolean {
    const upper = capacities.map(({ llm, limit }) => mostAdmitted(limit, timeMs, leastService.get(llm)!))
    if (upper.length > 0) {
      const rows = { kind: 'range', from: 0, to: upper.length - 1 } as const
      model.changeRowsBounds(rows, new Array(upper.length).fill(-highs.infinity), upper)
    }
    const most = pairs.flatMap((pair) => {
      const jobs = pair.leastServiceMs > timeMs ? 0 : highs.infinity
      return [jobs, jobs]
    })
    model.changeColsBounds(columns, new Array(width).fill(0), most)
    model.run()
    return model.getModelStatus() === optimal
  }

  return {
    isFeasible,
    optimum(timeMs, objective) {
      model.changeObjectiveSense(objective === 'price' ? minimize : maximize)
      const costs = pairs.flatMap((pair) =>
        objective === 'price' ? pricesOf(pair) : [bestValue(pair, objective), 0],
      )
      model.changeColsCost(columns, costs)
      return isFeasible(timeMs) ? model.getObjectiveValue() : null
    },
    dispose: () => model.dispose(),
  }
}

function createModel(highs: Highs, width: number, rows: readonly Row[]) {
  const starts = [0]
  for (const { entries } of rows) starts.push(starts.at(-1)! + entries.length)
  const model = highs.createModel({
    numCols: width,
    numRows: rows.length,
    colCost: new Array(width).fill(0),
    colLower: new Array(width).fill(0),
    colUpper: new Array(width).fill(highs.infinity),
    rowLower: rows.map(({ lower }) => lower),
    rowUpper: rows.map(({ upper }) => upper),
    matrix: {
      format: 'csr',
      numRows: rows.length,
      numCols: width,
      starts,
      indices: rows.flatMap(({ entries }) => entries.map(([column]) => column)),
      values: rows.flatMap(({ entries }) => entries.map(([, value]) => value)),
    },
  })
  model.options.set({ output_flag: false })
  return model
}

function pairOf(size: SizeClass, llm: Llm): Pair {
  return { size, llm, leastServiceMs: Math.min(...size.jobs.map((job) => serviceMs(llm, job))) }
}

function leastServiceOf(pairs: readonly Pair[], llm: Llm): number {
  return Math.min(...pairs.filter((pair) => pair.llm === llm).map((pair) => pair.leastServiceMs))
}

/** What a limit admits of jobs that all end by `timeMs`; of concurrency, the area in ms. */
function mostAdmitted({ unit, amount, perMs, kind }: Limit, timeMs: number, leastServiceMs: number): number {
  if (unit === 'concurrency') return amount * timeMs
  const lastStartMs = timeMs - leastServiceMs
  if (lastStartMs < 0) return 0
  const windows = lastStartMs / perMs
  return amount * (1 + (kind === 'window' ? Math.floor(windows) : windows))
}

/** What each job and each answer token takes of a limit. Its bound depends on the time and is set later. */
function usageRow(pairs: readonly Pair[], llm: Llm, { unit }: Limit): Row {
  const entries = pairs.flatMap((pair, i): [number, number][] => {
    if (pair.llm !== llm) return []
    if (unit === 'requests') return [[2 * i, 1]]
    if (unit === 'tokens') return [[2 * i, pair.size.leastTokens]]
    const perToken = 1000 / llm.tokensPerSecond
    return [
      [2 * i, llm.firstByteMs],
      [2 * i + 1, perToken],
    ]
  })
  return { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY, entries }
}

/** All jobs of a class, and all their answer tokens, are done somewhere. */
function shareRows(pairs: readonly Pair[], { jobs }: SizeClass): Row[] {
  const columns = pairs.flatMap((pair, i) => (pair.size.jobs === jobs ? [2 * i] : []))
  const answers = jobs.reduce((sum, { outputTokens }) => sum + outputTokens, 0)
  return [
    { lower: jobs.length, upper: jobs.length, entries: columns.map((column) => [column, 1]) },
    { lower: answers, upper: answers, entries: columns.map((column) => [column + 1, 1]) },
  ]
}

/** Some jobs of a class together answer no less than so many of its shortest answers, and no more than its longest. */
function answerRows({ size }: Pair, i: number): Row[] {
  const answers = size.jobs.map(({ outputTokens }) => outputTokens)
  const between = (per: number): Row['entries'] => [
    [2 * i + 1, 1],
    [2 * i, -per],
  ]
  return [
    { lower: 0, upper: Number.POSITIVE_INFINITY, entries: between(Math.min(...answers)) },
    { lower: Number.NEGATIVE_INFINITY, upper: 0, entries: between(Math.max(...answers)) },
  ]
}

/** Price of a job without its answer's part, and what each answer token adds. */
function pricesOf({ size, llm }: Pair): [number, number] {
  return [size.leastTokens * llm.inputUsd, llm.outputUsd - llm.inputUsd]
}

function bestValue({ size, llm }: Pair, value: (llm: Llm, job: Job) => number): number {
  return Math.max(...size.jobs.map((job) => value(llm, job)))
}
