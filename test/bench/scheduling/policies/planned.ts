import { type Job, priceOf, tokensOf } from '../model.ts'
import type { CreatePolicy, Server } from '../simulator.ts'
import { createPool, type Waiting } from './classes.ts'
import { cosineOf } from './cosine.ts'
import { planUntilDone, type Spent, type Weights } from './horizon.ts'
import type { Solver } from './plan.ts'

const REPLAN_MS = 60_000
const WINDOW_MS = 60_000

/**
 * Plans every minute how many jobs of each class each server shall take, lets a server with room take first from what
 * is planned for it, and then, rather than idle, steal what fits it best from the others.
 */
export function planned(solver: Solver, weights: Weights = { cost: 0, quality: 0, speed: 1 }): CreatePolicy {
  return (servers) => {
    const pool = createPool(servers)
    const spent: Spent[][] = servers.map(() => [])
    let quotas = new Map<Waiting, number[]>()
    let plannedAt = Number.NEGATIVE_INFINITY
    let doneAt = 0

    function plan(nowMs: number, live: readonly Waiting[]): void {
      const { shares, horizonMs } = planUntilDone(solver, servers, spent, live, weights, nowMs)
      quotas = new Map(
        live.map((waiting, g) => [waiting, shares[g]!.map((share) => share * waiting.jobs.length)]),
      )
      plannedAt = nowMs
      doneAt = nowMs + horizonMs
    }

    /** Whether a server may take a class that was planned for others: it must not be worse for it than they are. */
    function maySteal(server: number, waiting: Waiting): boolean {
      const job = waiting.jobs[0]!
      const worth = (m: number) => worthOf(servers[m]!, job, weights)
      return quotas.get(waiting)!.every((quota, m) => quota < 0.5 || worth(m) <= worth(server))
    }

    function choose(server: number, live: readonly Waiting[], nowMs: number): Waiting | null {
      const it = servers[server]!
      const fitting = live.filter((waiting) => waiting.servers.includes(server) && it.fits(waiting.jobs[0]!))
      const own = live.filter((waiting) => isPlanned(quotas.get(waiting)!, server))
      const windows = 1 + Math.floor(Math.max(0, doneAt - nowMs) / WINDOW_MS)
      const quota = (waiting: Waiting) => quotas.get(waiting)![server]!
      const mine = fitting.filter((waiting) => own.includes(waiting))
      if (mine.length > 0) return fill(it, mine, own, quota, windows)
      const free = fitting.filter((waiting) => maySteal(server, waiting))
      return free.length === 0 ? null : bestMatch(it, free)
    }

    return {
      arrive: pool.add,
      next(nowMs) {
        const live = pool.live().sort((a, b) => tokensOf(b.jobs[0]!) - tokensOf(a.jobs[0]!))
        if (live.length === 0) return null
        if (nowMs >= plannedAt + REPLAN_MS) plan(nowMs, live)
        for (const server of servers.keys()) {
          const waiting = choose(server, live, nowMs)
          if (waiting === null) continue
          const quota = quotas.get(waiting)!
          const isOwn = isPlanned(quota, server)
          quota[isOwn ? server : quota.indexOf(Math.max(...quota))]! -= 1
          const job = waiting.jobs.shift()!
          spent[server]!.push({ startMs: nowMs, job })
          return { job, server }
        }
        return null
      },
    }
  }
}

/** A small class whose quotas are all fractions still belongs to those with the largest. */
function isPlanned(quota: readonly number[], server: number): boolean {
  return quota[server]! > 0 && quota[server]! >= Math.min(0.5, Math.max(...quota) / 2)
}

/**
 * The largest class that leaves room for as many of the smallest own jobs as this window has to start, so that the
 * requests and the tokens of a window are used up together. Both lists run from the largest to the smallest.
 */
function fill(
  { llm, room }: Server,
  mine: readonly Waiting[],
  own: readonly Waiting[],
  quota: (waiting: Waiting) => number,
  windows: number,
): Waiting {
  const requests = llm.limits.findIndex(({ unit, perMs }) => unit === 'requests' && perMs <= WINDOW_MS)
  const tokens = llm.limits.findIndex(({ unit }) => unit === 'tokens')
  if (requests < 0 || tokens < 0) return mine[0]!
  const backlog = own.reduce((sum, waiting) => sum + quota(waiting), 0)
  let others = Math.min(room[requests]!, Math.max(1, Math.ceil(backlog / windows))) - 1
  let reserved = 0
  for (const waiting of own.toReversed()) {
    if (others <= 0) break
    const taken = Math.min(others, quota(waiting))
    reserved += taken * largest(waiting.jobs)
    others -= taken
  }
  return mine.find(({ jobs }) => tokensOf(jobs[0]!) <= room[tokens]! - reserved) ?? mine.at(-1)!
}

function bestMatch(server: Server, among: readonly Waiting[]): Waiting {
  const match = ({ jobs }: Waiting) => cosineOf(server, jobs[0]!)
  return among.reduce((best, waiting) => (match(waiting) > match(best) ? waiting : best))
}

/** What a job is worth on a server apart from time; equal for all when only time matters. */
function worthOf({ llm }: Server, job: Job, { cost, quality }: Weights): number {
  // A US cent weighs as much as 0.1 of quality.
  return quality * llm.quality - (cost * priceOf(llm, job)) / 1e5
}

function largest(jobs: readonly Job[]): number {
  return jobs.reduce((most, job) => Math.max(most, tokensOf(job)), 0)
}
