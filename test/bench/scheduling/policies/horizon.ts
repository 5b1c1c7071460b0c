import { amountOf, type Job, type Limit } from '../model.ts'
import type { Server } from '../simulator.ts'
import { type Mean, meanOf, unitsOf, type Waiting } from './classes.ts'
import type { Problem, Solution, Solver } from './plan.ts'

/** A start that may still count against a window. */
export interface Spent {
  readonly startMs: number
  readonly job: Job
}

export interface Weights {
  readonly cost: number
  readonly quality: number
  readonly speed: number
}

/** A plan until all that waits could have started. */
export interface Planned extends Solution {
  readonly horizonMs: number
}

const SHORTEST_MS = 500
const MINUTE_MS = 60_000
const HALVINGS = 8
/** An LLM may take this much longer than the fastest one before it counts as too slow to start with at the end. */
const SLOWNESS = 1.5

/** The shortest horizon by which all of `live` can start, and how to spread it until then by `weights`. */
export function planUntilDone(
  solver: Solver,
  servers: readonly Server[],
  spent: readonly (readonly Spent[])[],
  live: readonly Waiting[],
  weights: Weights,
  nowMs: number,
): Planned {
  const means = live.map(meanOf)
  const problemAt = (horizonMs: number, penalties: Problem['penalties']) =>
    createProblem(servers, spent, live, means, penalties, nowMs, horizonMs)
  const feasible = (horizonMs: number) => solver.solve(problemAt(horizonMs, null), true).load <= solver.enough
  let [low, high] = [0, SHORTEST_MS]
  if (!feasible(high)) {
    for (high = MINUTE_MS; !feasible(high); high *= 2) low = high
    for (let i = 0; i < HALVINGS && high - low > 1_000; i++) {
      const middle = (low + high) / 2
      if (feasible(middle)) high = middle
      else low = middle
    }
  }
  return {
    ...solver.solve(problemAt(high, penaltiesOf(servers, live, means, weights)), false),
    horizonMs: high,
  }
}

function createProblem(
  servers: readonly Server[],
  spent: readonly (readonly Spent[])[],
  live: readonly Waiting[],
  means: readonly Mean[],
  penalties: Problem['penalties'],
  nowMs: number,
  horizonMs: number,
): Problem {
  const capacities = servers.map((server, m) =>
    server.llm.limits.map((limit, k) => capacityOf(limit, server.room[k]!, spent[m]!, nowMs, horizonMs)),
  )
  const units = means.map((mean) => servers.map(({ llm }) => unitsOf(llm, mean)))
  const adds = live.map(({ jobs }, g) =>
    servers.map((_, m) =>
      units[g]![m]!.map((unit, k) => (jobs.length * unit) / Math.max(capacities[m]![k]!, 1e-6)),
    ),
  )
  const options = live.map((waiting, g) => {
    const able = waiting.servers.filter((m) => units[g]![m]!.every((unit, k) => unit <= capacities[m]![k]!))
    const service = (m: number) =>
      servers[m]!.llm.firstByteMs + (means[g]!.answerTokens * 1000) / servers[m]!.llm.tokensPerSecond
    const least = Math.min(...able.map(service))
    const quick = able.filter((m) => service(m) <= horizonMs + SLOWNESS * least)
    return quick.length > 0 ? quick : waiting.servers
  })
  return { options, adds, penalties }
}

/** What a limit lets start within the horizon: its room again in every window, and what was spent when it comes back. */
function capacityOf(
  { unit, amount, perMs }: Limit,
  room: number,
  spent: readonly Spent[],
  nowMs: number,
  horizonMs: number,
): number {
  if (unit === 'concurrency') return amount * Math.max(horizonMs, SHORTEST_MS)
  const times = (ms: number) => Math.max(0, 1 + Math.floor(ms / perMs))
  let capacity = room * times(horizonMs)
  for (let i = spent.length - 1; i >= 0 && spent[i]!.startMs + perMs > nowMs; i--) {
    const { startMs, job } = spent[i]!
    capacity += amountOf(unit, job) * times(nowMs + horizonMs - startMs - perMs)
  }
  return capacity
}

/** Each part from 0 to its weight for all jobs together: price over the dearest choice, lack of quality. */
function penaltiesOf(
  servers: readonly Server[],
  live: readonly Waiting[],
  means: readonly Mean[],
  { cost, quality, speed }: Weights,
): Problem['penalties'] {
  if (cost + quality === 0) return null
  const total = cost + quality + speed
  const price = (m: number, { tokens, answerTokens }: Mean) => {
    const { inputUsd, outputUsd } = servers[m]!.llm
    return (tokens - answerTokens) * inputUsd + answerTokens * outputUsd
  }
  const count = live.reduce((sum, { jobs }) => sum + jobs.length, 0)
  const dearest = live.reduce(
    (sum, waiting, g) =>
      sum + waiting.jobs.length * Math.max(...waiting.servers.map((m) => price(m, means[g]!))),
    0,
  )
  return live.map(({ jobs }, g) =>
    servers.map(({ llm }, m) => {
      const paid = dearest === 0 ? 0 : (jobs.length * price(m, means[g]!)) / dearest
      const lacking = (jobs.length * (1 - llm.quality)) / count
      return (cost * paid + quality * lacking) / total
    }),
  )
}
