/** How the waiting jobs are best spread over the servers, as if they were a fluid. */
export interface Problem {
  /** For each class, the servers that may take it. */
  readonly options: readonly (readonly number[])[]
  /** `adds[class][server][limit]`: load, 1 for all there is until the horizon, that the whole class puts on a limit. */
  readonly adds: readonly (readonly (readonly number[])[])[]
  /** `penalties[class][server]`: what it costs to send the whole class there; null when only time matters. */
  readonly penalties: readonly (readonly number[])[] | null
}

export interface Solution {
  /** `shares[class][server]`, adding up to 1 over the servers. */
  readonly shares: readonly (readonly number[])[]
  /** The greatest load of a limit. */
  readonly load: number
}

export interface Solver {
  /** Loads up to this count as feasible. */
  readonly enough: number
  /** The least greatest load; quick and rough while a horizon is searched for. */
  solve(problem: Problem, rough: boolean): Solution
}
