import { amountOf, type Instance, isEligible, type Job, type Limit, type Llm, serviceMs } from './model.ts'

/** Where a job ran and when. */
export interface Placement {
  readonly job: Job
  readonly llm: Llm
  readonly startMs: number
  readonly endMs: number
}

/** What an LLM has left at an instant; a policy reads it, the simulator writes it. */
export interface Server {
  readonly llm: Llm
  /** Units of each limit that could start now, in the order of the limits. */
  readonly room: readonly number[]
  /** Whether the job could start now. */
  fits(job: Job): boolean
}

/** Decides, online, which waiting job starts where. It may look at all that has arrived and at nothing else. */
export interface Policy {
  /** A job arrived. */
  arrive(job: Job): void
  /** The next job to start now, on a server that it fits; null when nothing shall start now. */
  next(nowMs: number): { readonly job: Job; readonly server: number } | null
}

export type CreatePolicy = (servers: readonly Server[], seed: number) => Policy

/** A window limit as providers enforce it: what was admitted within the last `perMs`, charged at the start. */
interface Meter {
  readonly limit: Limit
  readonly starts: number[]
  readonly amounts: number[]
  head: number
}

/**
 * Plays a burst on servers that admit exactly what their limits allow, and nothing else, until the last job ends.
 * Shares no code with the product. A policy that stops while jobs wait and nothing is left to happen is a bug.
 */
export function simulate({ llms, jobs }: Instance, createPolicy: CreatePolicy, seed: number): Placement[] {
  let now = 0
  const meters = llms.map(({ limits }) => limits.map(createMeter))
  const rooms = llms.map(({ limits }) => limits.map(({ amount }) => amount))
  const servers = llms.map(
    (llm, m): Server => ({ llm, room: rooms[m]!, fits: (job) => fits(llm, rooms[m]!, job) }),
  )
  const policy = createPolicy(servers, seed)
  for (const job of jobs) policy.arrive(job)
  const placements: Placement[] = []
  /** Servers by the end of the jobs they run. */
  const ends: { readonly endMs: number; readonly server: number }[] = []

  function start(job: Job, server: number): void {
    const llm = llms[server]!
    if (!isEligible(llm, job) || !servers[server]!.fits(job))
      throw new Error(`job ${job.id} does not fit ${llm.name}`)
    const endMs = now + serviceMs(llm, job)
    placements.push({ job, llm, startMs: now, endMs })
    insertByEnd(ends, { endMs, server })
    for (const [k, meter] of meters[server]!.entries()) {
      rooms[server]![k]! -= amountOf(meter.limit.unit, job)
      if (meter.limit.unit === 'concurrency') continue
      meter.starts.push(now)
      meter.amounts.push(amountOf(meter.limit.unit, job))
    }
  }

  function nextEvent(): number {
    let next = ends[0]?.endMs ?? Infinity
    for (const meter of meters.flat()) {
      const first = meter.starts[meter.head]
      if (first !== undefined) next = Math.min(next, first + meter.limit.perMs)
    }
    return next
  }

  function giveBack(): void {
    while (ends.length > 0 && ends[0]!.endMs <= now) {
      const { server } = ends.shift()!
      for (const [k, { unit }] of llms[server]!.limits.entries())
        if (unit === 'concurrency') rooms[server]![k]!++
    }
    for (const [m, some] of meters.entries()) {
      for (const [k, meter] of some.entries()) {
        while (meter.head < meter.starts.length && meter.starts[meter.head]! + meter.limit.perMs <= now) {
          rooms[m]![k]! += meter.amounts[meter.head++]!
        }
      }
    }
  }

  for (;;) {
    for (let choice = policy.next(now); choice !== null; choice = policy.next(now))
      start(choice.job, choice.server)
    if (placements.length === jobs.length) return placements
    now = nextEvent()
    if (now === Infinity) throw new Error(`the policy left ${jobs.length - placements.length} jobs waiting`)
    giveBack()
  }
}

/** The end of the last job, in ms. */
export function makespanOf(placements: readonly Placement[]): number {
  return placements.reduce((latest, { endMs }) => Math.max(latest, endMs), 0)
}

function createMeter(limit: Limit): Meter {
  return { limit, starts: [], amounts: [], head: 0 }
}

function fits({ limits }: Llm, room: readonly number[], job: Job): boolean {
  return limits.every(({ unit }, k) => amountOf(unit, job) <= room[k]!)
}

function insertByEnd<T extends { readonly endMs: number }>(sorted: T[], one: T): void {
  let at = sorted.length
  while (at > 0 && sorted[at - 1]!.endMs > one.endMs) at--
  sorted.splice(at, 0, one)
}
