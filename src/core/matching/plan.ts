import { type Amounts, type Option, type Rounds, type Spread, spread, tableOf, type Work } from './spread.ts'
import { DAY_MS } from '../time.ts'

/**
 * Who should serve what: waiting requests as fluid. Each kind of request is spread over the LLMs that may take it so
 * that all of them are done as early as possible, or so that the least is lost while all are in time; a small linear
 * program, solved nearly by a few rounds of Frank-Wolfe on a soft maximum of the loads. Only + - * / on numbers, so
 * that every runtime plans the same.
 */
export interface Plan {
  /** When all that waits could have been started, in ms from now. */
  readonly horizonMs: number
  /** For each kind of work, for each of its options, the share that it should take; they add up to 1. */
  readonly shares: readonly (readonly number[])[]
}

/** What each limit of each LLM lets through within a time from now. */
export type Capacity = (horizonMs: number) => Amounts

/** Requests that are alike and have to be started within a time, and what the limits let through within it. */
export interface Due extends Work {
  readonly amounts: Amounts
}

const SHORTEST_MS = 1_000
const LONGEST_MS = 30 * DAY_MS
/** Loads up to this count as done in time: the rounds end within a few hundredths of the best. */
const ENOUGH = 1.03
const SEARCHES = 8
const SEARCH_ROUNDS = 8
const ROUNDS = 40
const LOSS_ROUNDS = 100

/**
 * Plans the work. The horizon is sought from `guessMs` on: capacity grows nearly in proportion to time, so that a
 * load of 2 calls for about twice the time. O(rounds * kinds * LLMs * limits).
 */
export function planOf(works: readonly Work[], capacity: Capacity, guessMs: number): Plan {
  let tooShort = 0
  let enough = Number.POSITIVE_INFINITY
  let horizonMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.ceil(guessMs)))
  for (let i = 0; i < SEARCHES; i++) {
    const { load } = earliest(works, capacity(horizonMs), SEARCH_ROUNDS)
    if (load > ENOUGH) tooShort = horizonMs
    else enough = horizonMs
    if (enough <= SHORTEST_MS || tooShort >= LONGEST_MS || enough - tooShort < enough / 16) break
    let next = horizonMs * Math.min(4, Math.max(0.25, load))
    if (next <= tooShort || next >= enough)
      next = enough === Number.POSITIVE_INFINITY ? tooShort * 2 : (tooShort + enough) / 2
    horizonMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.ceil(next)))
  }
  if (enough !== Number.POSITIVE_INFINITY) horizonMs = enough
  return { horizonMs, shares: earliest(works, capacity(horizonMs), ROUNDS).shares }
}

function earliest(works: readonly Work[], amounts: Amounts, rounds: number): Spread {
  return spread(
    tableOf(works, () => amounts),
    {
      rounds,
      stepOf: (round) => 1.5 / (round + 3),
      squaringsOf: (round) => 2 + Math.floor((4 * round) / rounds),
      full: null,
    },
  )
}

/** Loads are kept a few hundredths below what counts as full. */
const FULL = 1.04

/**
 * Spreads work at the least loss with which all of it can be started in time, as nearly as it can. Each kind is held
 * against what the limits let through within its own time, and all kinds together fill them once. That is enough for
 * whoever starts first what is due first, as long as limits let through no less in the first half of a time than in the
 * other. An LLM that does not let through even one in time takes none, unless there is no other. The shares are those
 * of a plan. O(rounds * kinds * LLMs * limits).
 */
export function cheapestOf(works: readonly Due[]): number[][] {
  const able = works.map((work) => ({ ...work, options: ableOf(work) }))
  const table = tableOf(able, amountsOf)
  const ideal = spread(table, { ...LOSING, rounds: 0 })
  return sharesOf(works, able, ideal.load <= 1 ? ideal : spread(table, LOSING))
}

const LOSING: Rounds = {
  rounds: LOSS_ROUNDS,
  stepOf: (round) => 2 / (round + 4),
  squaringsOf: () => 6,
  full: FULL,
}

function ableOf({ options, amounts }: Due): readonly Option[] {
  const able = options.filter(({ llm, units }) => {
    for (let k = 0; k < units.length; k++) if (units[k]! > amounts[llm]![k]!) return false
    return true
  })
  return able.length === 0 ? options : able
}

function amountsOf({ amounts }: Due): Amounts {
  return amounts
}

/** For all options of works, what a spread over some of them, in the same order, gives to each. */
function sharesOf(works: readonly Due[], some: readonly Due[], { shares }: Spread): number[][] {
  return works.map(({ options }, w) => {
    let next = 0
    return options.map((option) => (some[w]!.options[next] === option ? shares[w]![next++]! : 0))
  })
}
