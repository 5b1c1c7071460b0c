import { amountOf, type Job } from '../model.ts'
import type { CreatePolicy, Server } from '../simulator.ts'
import { createPool, type Waiting } from './classes.ts'

/** Limits over longer windows say nothing about what to do within a minute. */
const SHAPING_MS = 3_600_000

/**
 * How well a job matches what a server has left: the cosine between the shares of its limits that the job takes and
 * those that are free. 1 for a job that would use all of them up together.
 */
export function cosineOf({ llm, room }: Server, job: Job): number {
  let dot = 0
  let asked = 0
  let free = 0
  for (const [k, { unit, amount, perMs }] of llm.limits.entries()) {
    if (perMs > SHAPING_MS) continue
    const part = amountOf(unit, job) / amount
    const left = room[k]! / amount
    dot += part * left
    asked += part * part
    free += left * left
  }
  return asked * free === 0 ? 0 : dot / Math.sqrt(asked * free)
}

/** Each free server pulls the waiting job whose shape matches its room best; the best match of all goes first. */
export const lateCosine: CreatePolicy = (servers) => {
  const pool = createPool(servers)
  return {
    arrive: pool.add,
    next() {
      let best: { waiting: Waiting; server: number } | null = null
      let bestCosine = -1
      for (const waiting of pool.live()) {
        const job = waiting.jobs[0]!
        for (const server of waiting.servers) {
          if (!servers[server]!.fits(job)) continue
          const cosine = cosineOf(servers[server]!, job)
          if (cosine <= bestCosine) continue
          best = { waiting, server }
          bestCosine = cosine
        }
      }
      return best && { job: best.waiting.jobs.shift()!, server: best.server }
    },
  }
}
