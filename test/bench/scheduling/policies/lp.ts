import type { Highs } from 'highs'
import type { Solver } from './plan.ts'

/** The exact plan, by linear programming: the least greatest load. Penalties are not taken into account. */
export function lpSolver(highs: Highs): Solver {
  return {
    enough: 1.0001,
    solve({ options, adds }) {
      const pairs = options.flatMap((among, g) => among.map((m) => ({ g, m })))
      const load = pairs.length
      const usage = (adds[0] ?? []).flatMap((limits, m) =>
        limits.map((_, k) => [
          ...pairs.flatMap((pair, i) => (pair.m === m ? [[i, adds[pair.g]![m]![k]!] as const] : [])),
          [load, -1] as const,
        ]),
      )
      const whole = options.map((_, g) => pairs.flatMap((pair, i) => (pair.g === g ? [[i, 1] as const] : [])))
      const rows = [...usage, ...whole]
      const starts = [0]
      for (const row of rows) starts.push(starts.at(-1)! + row.length)
      const x = highs.withModel(
        {
          numCols: load + 1,
          numRows: rows.length,
          colCost: [...new Array(load).fill(0), 1],
          colLower: new Array(load + 1).fill(0),
          colUpper: new Array(load + 1).fill(highs.infinity),
          rowLower: [...usage.map(() => -highs.infinity), ...whole.map(() => 1)],
          rowUpper: [...usage.map(() => 0), ...whole.map(() => 1)],
          matrix: {
            format: 'csr',
            numRows: rows.length,
            numCols: load + 1,
            starts,
            indices: rows.flatMap((row) => row.map(([column]) => column)),
            values: rows.flatMap((row) => row.map(([, value]) => value)),
          },
        },
        (model) => {
          model.options.set({ output_flag: false })
          model.run()
          return model.getSolution().colValue
        },
      )
      const shares = options.map(() => (adds[0] ?? []).map(() => 0))
      for (const [i, { g, m }] of pairs.entries()) shares[g]![m] = x[i]!
      return { shares, load: x[load]! }
    },
  }
}
