import type { Highs } from 'highs'
import type { Weights } from '../../../src/core/types.ts'
import { runBalancer } from './balancer.ts'
import { type Bound, createBound } from './bound.ts'
import { FLEETS } from './fleets.ts'
import { type Instance, isEligible, type Job, type Llm, priceOf, serviceMs } from './model.ts'
import { COST_POLICIES, QUALITY_POLICIES, speedPolicies } from './policies/policies.ts'
import { makespanOf, type Placement, simulate } from './simulator.ts'
import { createInstance, MIXES } from './workloads.ts'

const COST: Weights = { cost: 1, quality: 0, speed: 0 }
const QUALITY: Weights = { cost: 0, quality: 1, speed: 0 }
const DEFAULT: Weights = { cost: 0.5, quality: 0.5, speed: 0 }

/** What a run is about: the weights that the balancer is given, and for how long its requests may wait. */
export interface Wish {
  readonly weights: Weights
  /** In bounds of the makespan; as long as it takes where nothing is said. */
  readonly waitBounds?: number
}

/** As long as a user would let a burst wait who knows what his LLMs can do. */
const ORDINARY = { waitBounds: 2 }

export const AIMS = {
  speed: { weights: { cost: 0, quality: 0, speed: 1 } },
  cost: { weights: COST },
  quality: { weights: QUALITY },
  default: { weights: DEFAULT },
  'cost, in time': { weights: COST, ...ORDINARY },
  'quality, in time': { weights: QUALITY, ...ORDINARY },
  'default, in time': { weights: DEFAULT, ...ORDINARY },
} as const satisfies Record<string, Wish>

export type Aim = keyof typeof AIMS

/** The name under which the balancer itself stands among the policies. */
export const BALANCER = 'the balancer'

/** One burst as one policy served it, beside what is possible. */
export interface Outcome {
  readonly fleet: string
  readonly mix: string
  readonly count: number
  readonly aim: Aim
  readonly policy: string
  /** Makespan over the least possible. */
  readonly makespan: number
  /** Minutes begun before the last start, beyond those that the bound needs. */
  readonly excessWindows: number
  /** Requests that were not served in time. */
  readonly lost: number
  /** Price over the least possible in the time taken; infinite where that is 0 or one is lost, null where cost does not matter. */
  readonly cost: number | null
  /**
   * Price over the least possible by the end of the wait that was given, both at least a hundredth of what the dearest LLMs
   * would take: below that a quotient tells nothing. Infinite where one is lost, null where cost does not matter or no wait was given.
   */
  readonly costInWait: number | null
  /** Greatest possible quality in the time taken over that reached; infinite and null likewise. */
  readonly quality: number | null
}

export interface Size {
  /** Jobs in a burst. */
  readonly counts: readonly number[]
  /** Bursts of each mix and count on each fleet. */
  readonly seeds: number
}

export interface Results {
  readonly size: Size
  readonly outcomes: readonly Outcome[]
  /** CPU time that the balancer took for each request, in us. */
  readonly cpuUs: number
}

type Serve = (instance: Instance, bound: Bound, seed: number) => Placement[]

/** Serves every burst by every policy. `tell` hears of progress. */
export function measure(highs: Highs, size: Size, tell: (line: string) => void): Results {
  const outcomes: Outcome[] = []
  const own = { cpuUs: 0, requests: 0 }
  const byBalancer =
    (aim: Aim): Serve =>
    (instance, { makespanMs }) => {
      const wish: Wish = AIMS[aim]
      const before = process.cpuUsage()
      const placements = runBalancer(instance, wish.weights, waitOf(wish, makespanMs))
      const { user, system } = process.cpuUsage(before)
      own.cpuUs += user + system
      own.requests += instance.jobs.length
      return placements
    }
  const others = servesOf(highs)
  for (const fleet of Object.keys(FLEETS)) {
    for (const mix of Object.keys(MIXES)) {
      for (const count of size.counts) {
        tell(`${fleet}, ${mix}, ${count} requests`)
        for (let seed = 1; seed <= size.seeds; seed++) {
          const instance = createInstance(fleet, mix, count, seed)
          const bound = createBound(highs, instance)
          const look = (aim: Aim, policy: string, serve: Serve) => {
            const judged = judge(instance, bound, serve(instance, bound, seed), AIMS[aim])
            outcomes.push({ fleet, mix, count, aim, policy, ...judged })
          }
          for (const aim of Object.keys(AIMS) as Aim[]) look(aim, BALANCER, byBalancer(aim))
          for (const { aim, policy, serve } of others) look(aim, policy, serve)
          bound.dispose()
        }
      }
    }
  }
  return { size, outcomes, cpuUs: own.cpuUs / own.requests }
}

function servesOf(highs: Highs): { aim: Aim; policy: string; serve: Serve }[] {
  const byAim = { speed: speedPolicies(highs), cost: COST_POLICIES, quality: QUALITY_POLICIES }
  return Object.entries(byAim).flatMap(([aim, policies]) =>
    Object.entries(policies).map(([policy, create]) => ({
      aim: aim as Aim,
      policy,
      serve: (instance: Instance, _: Bound, seed: number) => simulate(instance, create, seed),
    })),
  )
}

const WINDOW_MS = 60_000

/** For how long requests may wait, in ms; undefined for as long as it takes. */
function waitOf({ waitBounds }: Wish, makespanMs: number): number | undefined {
  return waitBounds === undefined ? undefined : waitBounds * makespanMs
}

/** Holds what a policy did against the bound, in all that was wished for. */
export function judge(
  instance: Instance,
  bound: Bound,
  placements: readonly Placement[],
  wish: Wish,
): Pick<Outcome, 'makespan' | 'excessWindows' | 'lost' | 'cost' | 'costInWait' | 'quality'> {
  const { llms, jobs } = instance
  const { weights } = wish
  const makespanMs = makespanOf(placements)
  const lost = jobs.length - placements.length
  const sum = (of: (placement: Placement) => number) => placements.reduce((total, one) => total + of(one), 0)
  const lastStart = placements.reduce((latest, { startMs }) => Math.max(latest, startMs), 0)
  const boundStart = Math.max(0, bound.makespanMs - leastService(llms, jobs))
  const paid = () => sum(({ llm, job }) => priceOf(llm, job))
  const quality = () => bound.greatestValue(makespanMs, (llm) => llm.quality) / sum(({ llm }) => llm.quality)
  const unlessLost = (of: () => number) => (lost > 0 ? Number.POSITIVE_INFINITY : of())
  const isPriced = weights.cost > 0 && llms.some(({ inputUsd, outputUsd }) => inputUsd + outputUsd > 0)
  const waitMs = waitOf(wish, bound.makespanMs)
  const inWait = (endMs: number) => {
    const little = dearestPrice(instance) / 100
    return Math.max(paid(), little) / Math.max(bound.leastPrice(Math.max(makespanMs, endMs)), little)
  }
  return {
    makespan: makespanMs / bound.makespanMs,
    excessWindows: Math.floor(lastStart / WINDOW_MS) - Math.floor(boundStart / WINDOW_MS),
    lost,
    cost: isPriced ? unlessLost(() => over(paid(), bound.leastPrice(makespanMs))) : null,
    costInWait: isPriced && waitMs !== undefined ? unlessLost(() => inWait(waitMs)) : null,
    quality: weights.quality > 0 ? unlessLost(quality) : null,
  }
}

/** What all jobs would take together, each on the dearest LLM that can take it. */
function dearestPrice({ llms, jobs }: Instance): number {
  const dearest = (job: Job) =>
    llms.reduce((most, llm) => (isEligible(llm, job) ? Math.max(most, priceOf(llm, job)) : most), 0)
  return jobs.reduce((sum, job) => sum + dearest(job), 0)
}

function leastService(llms: readonly Llm[], jobs: readonly Job[]): number {
  let least = Number.POSITIVE_INFINITY
  for (const llm of llms) {
    for (const job of jobs) if (isEligible(llm, job)) least = Math.min(least, serviceMs(llm, job))
  }
  return least
}

/** A bound below it is nothing but the solver's rounding. */
const NOTHING_MICRO_USD = 1

function over(paid: number, least: number): number {
  if (paid <= NOTHING_MICRO_USD) return 1
  return least <= NOTHING_MICRO_USD ? Number.POSITIVE_INFINITY : paid / least
}
