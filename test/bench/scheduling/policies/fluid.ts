import type { Solver } from './plan.ts'

const ROUNDS = 60
const ROUGH_ROUNDS = 20
/** What a full limit costs, in units of the penalties, which are at most 1 in all. */
const FULL_PRICE = 2

/**
 * Frank-Wolfe on a soft maximum of the loads: every round moves a part of each class to the server where it is
 * cheapest at the present prices. A limit's price is its load to a power that grows from 4 to 32, so that in the end
 * only the fullest count. Without penalties loads count relative to the greatest, with them relative to what there is.
 */
export const fluidSolver: Solver = {
  enough: 1.03,
  solve(problem, rough) {
    const { options, adds, penalties } = problem
    const shares = options.map((among, g) =>
      adds[g]!.map((_, m) => (among.includes(m) ? 1 / among.length : 0)),
    )
    const loads = (adds[0] ?? []).map((limits) => limits.map(() => 0))
    const move = (g: number, m: number, share: number) => {
      for (const [k, add] of adds[g]![m]!.entries()) loads[m]![k]! += share * add
    }
    for (const [g, among] of options.entries()) for (const m of among) move(g, m, 1 / among.length)
    const rounds = rough ? ROUGH_ROUNDS : ROUNDS
    for (let round = 0; round < rounds; round++) {
      const squarings = 2 + Math.floor((4 * round) / rounds)
      const step = 1.5 / (round + 3)
      for (const [g, among] of options.entries()) {
        const full = penalties === null ? greatest(loads) : 1
        const price = (m: number) => {
          const base = penalties === null ? 0 : penalties[g]![m]! / FULL_PRICE
          return adds[g]![m]!.reduce(
            (sum, add, k) => sum + add * power(loads[m]![k]! / full, squarings),
            base,
          )
        }
        const cheapest = least(among, price)
        for (const m of among) {
          const moved = step * ((m === cheapest ? 1 : 0) - shares[g]![m]!)
          shares[g]![m]! += moved
          move(g, m, moved)
        }
      }
    }
    return { shares, load: greatest(loads) }
  },
}

function power(value: number, squarings: number): number {
  let result = value
  for (let i = 0; i < squarings; i++) result *= result
  return result
}

function greatest(loads: readonly (readonly number[])[]): number {
  let most = 1e-9
  for (const limits of loads) for (const load of limits) if (load > most) most = load
  return most
}

function least(among: readonly number[], price: (m: number) => number): number {
  let best = among[0]!
  let bestPrice = Number.POSITIVE_INFINITY
  for (const m of among) {
    const asked = price(m)
    if (asked >= bestPrice) continue
    best = m
    bestPrice = asked
  }
  return best
}
