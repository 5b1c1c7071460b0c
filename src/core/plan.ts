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

/**
 * Frank-Wolfe: in every round each kind moves a part of itself to the option that is cheapest at the present prices,
 * and the price of a limit grows with a high power of its load, higher from round to round.
 */
function spread(
  works: readonly Work[],
  capacity: readonly (readonly number[])[],
  rounds: number,
): { shares: number[][]; load: number } {
  const loads = capacity.map((limits) => limits.map(() => 0))
  // What all of a kind adds to each load when one option takes it.
  const adds = works.map(({ count, options }) =>
    options.map(({ llm, units }) =>
      units.map((unit, k) => (count * unit) / Math.max(capacity[llm]![k]!, TINY)),
    ),
  )
  const shares = works.map(({ options }) => options.map(() => 1 / options.length))
  const move = (w: number, o: number, share: number) => {
    const load = loads[works[w]!.options[o]!.llm]!
    const add = adds[w]![o]!
    for (let k = 0; k < add.length; k++) load[k]! += share * add[k]!
  }
  for (const [w, share] of shares.entries()) for (const [o, part] of share.entries()) move(w, o, part)
  for (let round = 0; round < rounds; round++) {
    const squarings = 2 + Math.floor((4 * round) / rounds)
    const step = 1.5 / (round + 3)
    for (const [w, share] of shares.entries()) {
      const best = cheapest(works[w]!, adds[w]!, loads, greatest(loads), squarings)
      for (const [o, part] of share.entries()) {
        const next = (1 - step) * part + (o === best ? step : 0)
        move(w, o, next - part)
        share[o] = next
      }
    }
  }
  return { shares, load: greatest(loads) }
}

/** Keeps a limit without any capacity from dividing by zero; nothing fits there. */
const TINY = 1e-9

function cheapest(
  { options }: Work,
  adds: readonly (readonly number[])[],
  loads: readonly (readonly number[])[],
  most: number,
  squarings: number,
): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (const [o, { llm }] of options.entries()) {
    const load = loads[llm]!
    let price = 0
    for (const [k, add] of adds[o]!.entries()) {
      let power = load[k]! / most
      for (let i = 0; i < squarings; i++) power *= power
      price += power * add
    }
    if (price >= least) continue
    best = o
    least = price
  }
  return best
}

function greatest(loads: readonly (readonly number[])[]): number {
  let most = TINY
  for (const limits of loads) for (const load of limits) if (load > most) most = load
  return most
}
