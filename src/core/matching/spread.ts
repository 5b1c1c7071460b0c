/** Requests that are alike. */
export interface Work {
  readonly count: number
  readonly options: readonly Option[]
}

export interface Option {
  readonly llm: number
  /** What one request takes of each limit of the LLM; of a concurrency, the ms that it holds a slot. */
  readonly units: readonly number[]
  /** What one request loses by going there rather than to its best option; 0 where it is left out. */
  readonly loss?: number
}

/** What each limit of each LLM lets through, in the unit of `units`. */
export type Amounts = readonly (readonly number[])[]

/** All options of all works in a row, with the limits that each of them loads. */
interface Table {
  /** Index of the first option of each work, and of none after the last. */
  readonly begins: Int32Array
  /** For each option: its first limit among those of all LLMs, and where in `adds` its own begin. */
  readonly limits: Int32Array
  readonly rows: Int32Array
  /** What all of a work adds to each load when one option takes it. */
  readonly adds: Float64Array
  /** For each option, what all of its work loses there, over the number of all requests. */
  readonly losses: Float64Array
  /** Limits of all LLMs. */
  readonly size: number
}

/** The works as a table; `amountsOf` says what the limits let through in the time of each. */
export function tableOf<W extends Work>(works: readonly W[], amountsOf: (work: W) => Amounts): Table {
  const total = works.reduce((sum, { count }) => sum + count, 0)
  const [begins, limits, rows, adds, losses]: number[][] = [[0], [], [0], [], []]
  let size = 0
  for (const work of works) {
    const { count, options } = work
    const amounts = amountsOf(work)
    const firsts: number[] = []
    size = 0
    for (const { length } of amounts) {
      firsts.push(size)
      size += length
    }
    for (const { llm, units, loss = 0 } of options) {
      limits!.push(firsts[llm]!)
      for (const [k, unit] of units.entries()) adds!.push((count * unit) / Math.max(amounts[llm]![k]!, TINY))
      rows!.push(adds!.length)
      losses!.push((count * loss) / total)
    }
    begins!.push(limits!.length)
  }
  return {
    begins: Int32Array.from(begins!),
    limits: Int32Array.from(limits!),
    rows: Int32Array.from(rows!),
    adds: Float64Array.from(adds!),
    losses: Float64Array.from(losses!),
    size,
  }
}

export interface Spread {
  readonly shares: number[][]
  /** That of the fullest limit, 1 being full. */
  readonly load: number
}

/** How the rounds go. */
export interface Rounds {
  readonly rounds: number
  /** The part of itself that a kind moves in a round, counted from 0. */
  readonly stepOf: (round: number) => number
  /** How often the load of a limit is squared for its price. */
  readonly squaringsOf: (round: number) => number
  /** The load at which a limit is full; null where the greatest of a round counts as that. */
  readonly full: number | null
}

/**
 * Frank-Wolfe: in every round each kind moves a part of itself to the option that is cheapest at the present prices.
 * The price is what is lost there and, for each limit, a high power of its load.
 */
export function spread(table: Table, { rounds, stepOf, squaringsOf, full }: Rounds): Spread {
  const { begins, limits, rows, adds, size } = table
  const works = begins.length - 1
  const loads = new Float64Array(size)
  const powers = new Float64Array(size)
  const shares = new Float64Array(limits.length)
  let most = 1
  let squarings = 0
  const move = (o: number, share: number) => {
    const part = share - shares[o]!
    if (part === 0) return
    shares[o] = share
    for (let row = rows[o]!, k = limits[o]!; row < rows[o + 1]!; row++, k++) {
      loads[k]! += part * adds[row]!
      powers[k] = powerOf(loads[k]! / most, squarings)
    }
  }
  for (const [o, share] of bestOf(table).entries()) move(o, share)
  for (let round = 0; round < rounds; round++) {
    squarings = squaringsOf(round)
    const step = stepOf(round)
    most = full ?? greatest(loads)
    for (let k = 0; k < size; k++) powers[k] = powerOf(loads[k]! / most, squarings)
    for (let w = 0; w < works; w++) {
      const best = cheapest(table, w, powers)
      for (let o = begins[w]!; o < begins[w + 1]!; o++)
        move(o, (1 - step) * shares[o]! + (o === best ? step : 0))
    }
  }
  return {
    shares: Array.from({ length: works }, (_, w) => [...shares.subarray(begins[w], begins[w + 1])]),
    load: greatest(loads),
  }
}

/** For each option its share if nothing limited them: that of the best of its work, which are the same to it. */
function bestOf({ begins, losses }: Table): Float64Array {
  const shares = new Float64Array(losses.length)
  for (let w = 0; w + 1 < begins.length; w++) {
    const own = losses.subarray(begins[w], begins[w + 1])
    let least = Number.POSITIVE_INFINITY
    for (const loss of own) least = Math.min(least, loss)
    let best = 0
    for (const loss of own) if (loss === least) best++
    for (const [o, loss] of own.entries()) if (loss === least) shares[begins[w]! + o] = 1 / best
  }
  return shares
}

/** Keeps a limit without any capacity from dividing by zero; nothing fits there. */
const TINY = 1e-9
/** Fuller than this is as full, so that powers of it stay numbers. */
const FULLEST = 1000

function powerOf(load: number, squarings: number): number {
  let power = Math.min(FULLEST, load)
  for (let i = 0; i < squarings; i++) power *= power
  return power
}

/** The option of a work that is cheapest; `powers` has that of each limit. */
function cheapest({ begins, limits, rows, adds, losses }: Table, w: number, powers: Float64Array): number {
  let best = begins[w]!
  let least = Number.POSITIVE_INFINITY
  for (let o = begins[w]!; o < begins[w + 1]!; o++) {
    let price = losses[o]!
    for (let row = rows[o]!, k = limits[o]!; row < rows[o + 1]!; row++, k++) price += powers[k]! * adds[row]!
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
