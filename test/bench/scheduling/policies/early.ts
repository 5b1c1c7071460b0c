import { createRandom, type Random } from '../../../../src/core/random.ts'
import { amountOf, isEligible, type Job, priceOf, serviceMs } from '../model.ts'
import type { CreatePolicy, Server } from '../simulator.ts'

/** Chooses one of `among`, indexes of servers that can take the job. */
type Choose = (job: Job, among: readonly number[]) => number

/** Binds each job to a server when it arrives; every server works off its own line in order of arrival. */
function early(createChoose: (servers: readonly Server[], random: Random) => Choose): CreatePolicy {
  return (servers, seed) => {
    const choose = createChoose(servers, createRandom(seed, 'early'))
    const lines = servers.map(() => ({ jobs: [] as Job[], head: 0 }))
    return {
      arrive(job) {
        const among = servers.flatMap(({ llm }, m) => (isEligible(llm, job) ? [m] : []))
        lines[choose(job, among)]!.jobs.push(job)
      },
      next() {
        for (const [server, line] of lines.entries()) {
          const job = line.jobs[line.head]
          if (job === undefined || !servers[server]!.fits(job)) continue
          line.head++
          return { job, server }
        }
        return null
      },
    }
  }
}

export const earlyRoundRobin = early(() => {
  let turn = 0
  return (_, among) => among[turn++ % among.length]!
})

export const earlyRandom = early((_, random) => (_job, among) => among[random.integer(among.length)]!)

/** Of two servers drawn at random, the one with the shorter line. */
export const earlyPowerOfTwo = early((servers, random) => {
  const lengths = servers.map(() => 0)
  return (_, among) => {
    const [a, b] = [among[random.integer(among.length)]!, among[random.integer(among.length)]!]
    const chosen = lengths[b]! < lengths[a]! ? b : a
    lengths[chosen]!++
    return chosen
  }
})

/** The server that will have worked off its line, and this job, first: by the limit that takes longest. */
export const earlyLeastWait = early((servers) => {
  const wait = createWait(servers)
  return (job, among) =>
    wait.add(
      job,
      least(among, (m) => wait.after(job, m)),
    )
})

/** The cheapest server, however long its line; of several, the one with the least wait. Price is all that matters. */
export const earlyCheapest = early((servers) => {
  const wait = createWait(servers)
  return (job, among) => {
    const price = (m: number) => priceOf(servers[m]!.llm, job)
    const cheapest = price(least(among, price))
    return wait.add(
      job,
      least(
        among.filter((m) => price(m) === cheapest),
        (m) => wait.after(job, m),
      ),
    )
  }
})

/** Time in ms that each limit of each server needs for what it was given. */
function createWait(servers: readonly Server[]) {
  const loads = servers.map(({ llm }) => llm.limits.map(() => 0))
  const loadsAfter = (job: Job, m: number) => {
    const { llm } = servers[m]!
    return llm.limits.map(({ unit, amount, perMs }, k) => {
      const ms = unit === 'concurrency' ? serviceMs(llm, job) : amountOf(unit, job) * perMs
      return loads[m]![k]! + ms / amount
    })
  }
  // A window holds nobody up before it has been filled once.
  const waitOf = (m: number, after: readonly number[]) =>
    Math.max(...after.map((ms, k) => Math.max(0, ms - servers[m]!.llm.limits[k]!.perMs)))
  return {
    after: (job: Job, m: number) => {
      const after = loadsAfter(job, m)
      return waitOf(m, after) + Math.max(...after) / 1e6
    },
    add(job: Job, m: number) {
      loads[m] = loadsAfter(job, m)
      return m
    },
  }
}

function least(among: readonly number[], cost: (m: number) => number): number {
  return among.reduce((best, m) => (cost(m) < cost(best) ? m : best))
}
