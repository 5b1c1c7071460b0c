import { isEligible, type Job, type Llm, serviceMs, tokensOf } from '../model.ts'
import type { Server } from '../simulator.ts'

/** Waiting jobs that are alike: the same LLMs can take them, they have about the same size and share of answer. */
export interface Waiting {
  /** Indexes of the servers that can take them. */
  readonly servers: readonly number[]
  /** In order of arrival. */
  readonly jobs: Job[]
}

/** The waiting jobs by class, classes in order of their first arrival. */
export interface Pool {
  add(job: Job): void
  /** Classes that are not empty. */
  live(): Waiting[]
}

/** Six sizes to every doubling of the tokens, three shares of answer. */
const SIZES_PER_DOUBLING = 6
const ANSWER_SHARES = 3

export function createPool(servers: readonly Server[]): Pool {
  const classes = new Map<string, Waiting>()
  return {
    add(job) {
      const eligible = servers.flatMap(({ llm }, m) => (isEligible(llm, job) ? [m] : []))
      const size = Math.floor(Math.log2(tokensOf(job)) * SIZES_PER_DOUBLING)
      const answer = Math.floor((job.outputTokens / tokensOf(job)) * 2 * ANSWER_SHARES)
      const key = `${eligible.join()}/${size}/${Math.min(answer, ANSWER_SHARES)}`
      const waiting = classes.get(key) ?? { servers: eligible, jobs: [] }
      classes.set(key, waiting)
      waiting.jobs.push(job)
    },
    live: () => [...classes.values()].filter(({ jobs }) => jobs.length > 0),
  }
}

/** The mean job of a class. */
export interface Mean {
  readonly tokens: number
  readonly answerTokens: number
}

export function meanOf({ jobs }: Waiting): Mean {
  const sum = (of: (job: Job) => number) => jobs.reduce((total, job) => total + of(job), 0) / jobs.length
  return { tokens: sum(tokensOf), answerTokens: sum(({ outputTokens }) => outputTokens) }
}

/** What one such job takes of each limit; of concurrency, the ms for which it holds a slot. */
export function unitsOf(llm: Llm, { tokens, answerTokens }: Mean): number[] {
  const service = serviceMs(llm, { id: 0, inputTokens: 0, outputTokens: answerTokens })
  return llm.limits.map(({ unit }) => (unit === 'requests' ? 1 : unit === 'tokens' ? tokens : service))
}
