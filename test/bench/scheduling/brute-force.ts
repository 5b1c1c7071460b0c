import { amountOf, type Instance, isEligible, type Job, type Llm, priceOf, serviceMs } from './model.ts'

/**
 * The shortest schedule of a tiny instance, and the least price of one so short, by trying every assignment and, for
 * each LLM, every order in which its jobs start, each as early as it can after the one before. Window limits only.
 */
export function fastest({ llms, jobs }: Instance): { readonly makespanMs: number; readonly price: number } {
  let best = { makespanMs: Number.POSITIVE_INFINITY, price: Number.POSITIVE_INFINITY }
  const place = (i: number, sets: readonly (readonly Job[])[]) => {
    if (i < jobs.length) {
      for (const [m, llm] of llms.entries()) {
        if (isEligible(llm, jobs[i]!)) place(i + 1, sets.with(m, [...sets[m]!, jobs[i]!]))
      }
      return
    }
    const makespanMs = Math.max(...sets.map((set, m) => shortest(llms[m]!, set)))
    const price = sets.reduce(
      (sum, set, m) => sum + set.reduce((part, job) => part + priceOf(llms[m]!, job), 0),
      0,
    )
    const isBetter = makespanMs < best.makespanMs || (makespanMs === best.makespanMs && price < best.price)
    if (isBetter) best = { makespanMs, price }
  }
  place(
    0,
    llms.map(() => []),
  )
  return best
}

interface Run {
  readonly job: Job
  readonly startMs: number
  readonly endMs: number
}

/** The least end of the last of some jobs on one LLM. */
function shortest(llm: Llm, jobs: readonly Job[], done: readonly Run[] = []): number {
  if (jobs.length === 0) return Math.max(0, ...done.map(({ endMs }) => endMs))
  const times = jobs.map((job) => {
    const startMs = earliestStart(llm, job, done)
    const run = { job, startMs, endMs: startMs + serviceMs(llm, job) }
    const rest = jobs.filter((other) => other !== job)
    return shortest(llm, rest, [...done, run])
  })
  return Math.min(...times)
}

/** Room comes back only when a run ends or leaves a window, so that no other instants need a look. */
function earliestStart(llm: Llm, job: Job, done: readonly Run[]): number {
  const from = Math.max(0, ...done.map(({ startMs }) => startMs))
  const returns = done.flatMap(({ startMs, endMs }) => [
    endMs,
    ...llm.limits.map(({ perMs }) => startMs + perMs),
  ])
  const instants = [from, ...returns.filter((at) => at > from)].sort((a, b) => a - b)
  return instants.find((at) => admits(llm, job, done, at))!
}

function admits(llm: Llm, job: Job, done: readonly Run[], at: number): boolean {
  return llm.limits.every(({ unit, amount, perMs }) => {
    const counts = ({ startMs, endMs }: Run) => (unit === 'concurrency' ? endMs > at : startMs + perMs > at)
    const used = done.filter(counts).reduce((sum, run) => sum + amountOf(unit, run.job), 0)
    return used + amountOf(unit, job) <= amount
  })
}
