import loadHighs, { type Highs } from 'highs'
import { classesOf } from './classes.ts'
import type { Instance, Job, Llm } from './model.ts'
import { createProgram, type Program } from './program.ts'

/** What no schedule of an instance can beat, online or clairvoyant; see `program.ts` for what it rests on. */
export interface Bound {
  /** No schedule ends its last job before this, in whole ms from the burst. */
  readonly makespanMs: number
  /** Least total price, in micro-USD, of any schedule that ends by `deadlineMs`. Throws when none does. */
  leastPrice(deadlineMs: number): number
  /** Greatest sum over jobs of `value` of any schedule that ends by `deadlineMs`. Throws when none does. */
  greatestValue(deadlineMs: number, value: (llm: Llm, job: Job) => number): number
  /** Frees the solver's memory, which no garbage collector does. */
  dispose(): void
}

/** More classes make the bound tighter and slower; it hardly moves from here on. */
export const CLASSES = 96
const COARSE_CLASSES = 24

let loading: Promise<Highs> | null = null

/** The solver, loaded once. */
export function loadSolver(): Promise<Highs> {
  loading ??= loadHighs()
  return loading
}

export function createBound(highs: Highs, instance: Instance, count = CLASSES): Bound {
  // The fine classes are cut out of the coarse ones, so that their bound is no lower: the search starts there.
  const coarse = createProgram(highs, classesOf(instance, Math.min(COARSE_CLASSES, count)), instance.llms)
  const from = leastTime(coarse, 1)
  coarse.dispose()
  const program = createProgram(highs, classesOf(instance, count), instance.llms)
  const makespanMs = leastTime(program, from)
  const optimum = (deadlineMs: number, costs: 'price' | ((llm: Llm, job: Job) => number)) => {
    const best = program.optimum(deadlineMs, costs)
    if (best === null) throw new Error(`no schedule ends by ${deadlineMs} ms`)
    return best
  }
  return {
    makespanMs,
    leastPrice: (deadlineMs) => optimum(deadlineMs, 'price'),
    greatestValue: optimum,
    dispose: program.dispose,
  }
}

/** The least whole ms from `from` on that is feasible, by growing steps and halving; all later ones are feasible too. */
function leastTime(program: Program, from: number): number {
  let low = from - 1
  let high = from
  for (let step = 1; !program.isFeasible(high); step *= 4) {
    low = high
    high += step
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (program.isFeasible(middle)) high = middle
    else low = middle
  }
  return high
}
