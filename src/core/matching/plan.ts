/**
 * Who should serve what: waiting requests as fluid. Each kind of request is spread over the LLMs that may take it so
 * that all of them are done as early as possible; a small linear program, solved nearly by a few rounds of
 * Frank-Wolfe on a soft maximum of the loads. Only + - * / on numbers, so that every runtime plans the same.
 */
export interface Plan {
  /** When all that waits could have been started, in ms from now. */
  readonly horizonMs: number
  /** For each kind of work, for each of its options, the share that it should take; they add up to 1. */
  readonly shares: readonly (readonly number[])[]
}

/** Requests that are alike. */
export interface Work {
  readonly count: number
  readonly options: readonly Option[]
}

export interface Option {
  readonly llm: number
  /** What one request takes of each limit of the LLM; of a concurrency, the ms that it holds a slot. */
  readonly units: readonly number[]
}

/** What each limit of each LLM lets through within a time from now, in the unit of `units`. */
export type Capacity = (horizonMs: number) => readonly (readonly number[])[]

const SHORTEST_MS = 1_000
const LONGEST_MS = 30 * 86_400_000
/** Loads up to this count as done in time: the rounds end within a few hundredths of the best. */
const ENOUGH = 1.03
const SEARCHES = 8
const SEARCH_ROUNDS = 8
const ROUNDS = 40

/**
 * Plans the work. The horizon is sought from `guessMs` on: capacity grows nearly in proportion to time, so that a
 * load of 2 calls for about twice the time. O(rounds * kinds * LLMs * limits).
 */
export function planOf(works: readonly Work[], capacity: Capacity, guessMs: number): Plan {
  let tooShort = 0
  let enough = Number.POSITIVE_INFINITY
  let horizonMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.ceil(guessMs)))
  for (let i = 0; i < SEARCHES; i++) {
    const { load } = spread(works, capacity(horizonMs), SEARCH_ROUNDS)
    if (load > ENOUGH) tooShort = horizonMs
    else enough = horizonMs
    if (enough <= SHORTEST_MS || tooShort >= LONGEST_MS || enough - tooShort < enough / 16) break
    let next = horizonMs * Math.min(4, Math.max(0.25, load))
    if (next <= tooShort || next >= enough)
      next = enough === Number.POSITIVE_INFINITY ? tooShort * 2 : (tooShort + enough) / 2
    horizonMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.ceil(next)))
  }
  if (enough !== Number.POSITIVE_INFINITY) horizonMs = enough
  return { horizonMs, shares: spread(works, capacity(horizonMs), ROUNDS).shares }
}

/** All options of all works in a row, with the limits that each of them loads. */
interface Table {
  /** Index of the first option of each work, and of none after the last. */
  readonly begins: Int32Array
  /** For each option: its first limit among those of all LLMs, and where in `adds` its own begin. */
  readonly limits: Int32Array
  readonly rows: Int32Array
  /** What all of a work adds to each load when one option takes it. */
  readonly adds: Float64Array
}

function tableOf(works: readonly Work[], capacity: readonly (readonly number[])[]): Table {
  const firsts: number[] = []
  let slots = 0
  for (const { length } of capacity) {
    firsts.push(slots)
    slots += length
  }
  const [begins, limits, rows, adds]: number[][] = [[0], [], [0], []]
  for (const { count, options } of works) {
    for (const { llm, units } of options) {
      limits!.push(firsts[llm]!)
      for (const [k, unit] of units.entries()) adds!.push((count * unit) / Math.max(capacity[llm]![k]!, TINY))
      rows!.push(adds!.length)
    }
    begins!.push(limits!.length)
  }
  return {
    begins: Int32Array.from(begins!),
    limits: Int32Array.from(limits!),
    rows: Int32Array.from(rows!),
    adds: Float64Array.from(adds!),
  }
}

/**
 * Frank-Wolfe: in every round each kind moves a part of itself to the option that is cheapest at the present prices,
 * and the price of a limit grows with a high power of its load, higher from round to round.
 */
function spread(
  works: readonly Work[],
  capacity: readonly (readonly number[])[],
  rounds: number,
): { shares: number[][]; load: number } {
  const table = tableOf(works, capacity)
  const { begins, limits, rows, adds } = table
  const loads = new Float64Array(capacity.reduce((sum, { length }) => sum + length, 0))
  const shares = new Float64Array(limits.length)
  const move = (o: number, share: number) => {
    const part = share - shares[o]!
    shares[o] = share
    for (let row = rows[o]!, k = limits[o]!; row < rows[o + 1]!; row++, k++) loads[k]! += part * adds[row]!
  }
  for (const [w, { options }] of works.entries())
    for (let o = begins[w]!; o < begins[w + 1]!; o++) move(o, 1 / options.length)
  for (let round = 0; round < rounds; round++) {
    const squarings = 2 + Math.floor((4 * round) / rounds)
    const step = 1.5 / (round + 3)
    const most = greatest(loads)
    for (let w = 0; w < works.length; w++) {
      const best = cheapest(table, w, loads, most, squarings)
      for (let o = begins[w]!; o < begins[w + 1]!; o++)
        move(o, (1 - step) * shares[o]! + (o === best ? step : 0))
    }
  }
  return {
    shares: works.map((_, w) => [...shares.subarray(begins[w], begins[w + 1])]),
    load: greatest(loads),
  }
}

/** Keeps a limit without any capacity from dividing by zero; nothing fits there. */
const TINY = 1e-9

/** The option of a work whose limits are cheapest; what the loads are measured by, `most`, is the same for all. */
function cheapest(
  { begins, limits, rows, adds }: Table,
  w: number,
  loads: Float64Array,
  most: number,
  squarings: number,
): number {
  let best = begins[w]!
  let least = Number.POSITIVE_INFINITY
  for (let o = begins[w]!; o < begins[w + 1]!; o++) {
    let price = 0
    for (let row = rows[o]!, k = limits[o]!; row < rows[o + 1]!; row++, k++) {
      let power = loads[k]! / most
      for (let i = 0; i < squarings; i++) power *= power
      price += power * adds[row]!
    }
    if (price >= least) continue
    best = o
    least = price
  }
  return best
}

function greatest(loads: Float64Array): number {
  let most = TINY
  for (let k = 0; k < loads.length; k++) if (loads[k]! > most) most = loads[k]!
  return most
}
