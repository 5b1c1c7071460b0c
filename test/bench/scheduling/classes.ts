import { type Instance, isEligible, type Job, tokensOf } from './model.ts'

/** Jobs of similar size and answer that the same LLMs can take. */
export interface SizeClass {
  readonly jobs: readonly Job[]
  /** Indexes of the LLMs that can take them. */
  readonly llms: readonly number[]
  /** Tokens of the smallest job. */
  readonly leastTokens: number
}

type Measure = (job: Job) => number

const MEASURES: readonly Measure[] = [tokensOf, ({ outputTokens }) => outputTokens]

/** Where a class is best cut in two, and what that saves. */
interface Cut {
  readonly size: SizeClass
  /** In the order of the measure. */
  readonly jobs: readonly Job[]
  readonly at: number
  /** Share of the sum of the measure over all jobs that the halves lie closer to their least. */
  readonly saved: number
}

/**
 * About `count` classes. Starts from one class for each set of eligible LLMs; again and again the cut that brings
 * the jobs closest to the least size, or the shortest answer, of their class is made. O(count * jobs log jobs).
 */
export function classesOf({ llms, jobs }: Instance, count: number): SizeClass[] {
  const sets = new Map<string, { llms: number[]; jobs: Job[] }>()
  for (const job of jobs) {
    const eligible = llms.flatMap((llm, m) => (isEligible(llm, job) ? [m] : []))
    const set = sets.get(eligible.join()) ?? { llms: eligible, jobs: [] }
    sets.set(eligible.join(), set)
    set.jobs.push(job)
  }
  const totals = MEASURES.map((measure) => jobs.reduce((sum, job) => sum + measure(job), 0))
  const cutOf = (size: SizeClass) => bestCut(size, totals)
  const cuts = [...sets.values()].map((set) => cutOf(classOf(set.jobs, set.llms)))
  while (cuts.length < count) {
    const widest = cuts.reduce((most, cut) => (cut.saved > most.saved ? cut : most))
    if (widest.saved === 0) break
    const { size, jobs, at } = widest
    const halves = [jobs.slice(0, at), jobs.slice(at)].map((half) => cutOf(classOf(half, size.llms)))
    cuts.splice(cuts.indexOf(widest), 1, ...halves)
  }
  return cuts.map(({ size }) => size)
}

function classOf(jobs: readonly Job[], llms: readonly number[]): SizeClass {
  return { jobs, llms, leastTokens: jobs.reduce((least, job) => Math.min(least, tokensOf(job)), Infinity) }
}

function bestCut(size: SizeClass, totals: readonly number[]): Cut {
  let best: Cut = { size, jobs: size.jobs, at: 0, saved: 0 }
  for (const [i, measure] of MEASURES.entries()) {
    const jobs = [...size.jobs].sort((a, b) => measure(a) - measure(b) || a.id - b.id)
    const least = measure(jobs[0]!)
    for (const [at, job] of jobs.entries()) {
      const saved = ((jobs.length - at) * (measure(job) - least)) / totals[i]!
      if (saved > best.saved) best = { size, jobs, at, saved }
    }
  }
  return best
}
