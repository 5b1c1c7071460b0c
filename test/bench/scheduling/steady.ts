import { createVirtualClock } from '../../support/virtual-clock.ts'
import { policyOf } from '../../support/world.ts'
import { crowdLlms, crowdRandom, crowdRequest, crowdServiceMs } from './crowd.ts'
import type { CreateSubject } from './subjects.ts'

/** What requests cost while so many wait. */
export interface Steady {
  readonly waiting: number
  /** CPU time for each request over arrival, wait, dispatch and end, in us; null when too few ended in time to tell. */
  readonly perRequestUs: number | null
  /** Requests that ended while it was measured. */
  readonly requests: number
  /** Whether the budget ran out before the measurement was complete; `perRequestUs` is of what there was. */
  readonly isOverBudget: boolean
}

export interface Effort {
  /** Requests that end before the measurement, and during it; a minute's worth or more, since limits come back then. */
  readonly warmUp: number
  readonly measured: number
  /** CPU time for filling the queue, and again for all that follows. */
  readonly budgetMs: number
}

/** Fewer requests than these say nothing about the average one. */
const TELLING = 100

/**
 * Fills a dispatcher with `waiting` requests and then keeps so many waiting: whenever one is dispatched another one
 * arrives, and calls end when their service time is over. The harness is part of what is measured.
 */
export function steadyState(createSubject: CreateSubject, waiting: number, effort: Effort): Steady {
  const clock = createVirtualClock()
  const random = crowdRandom(`${waiting}`)
  const specs = crowdLlms()
  const room = { maxRequests: 1e8, maxBytes: 1e15, maxRequestsPerClient: 1e8, maxBytesPerClient: 1e15 }
  let ended = 0
  let arrived = 0
  let dispatched = 0
  const subject = createSubject(policyOf(specs, room), clock, (request, llm, { attempt, reserved }) => {
    dispatched++
    const durationMs = crowdServiceMs(random, reserved.output_tokens)
    clock.setTimeout(() => {
      ended++
      const usage = { ...reserved, cached_tokens: 0 }
      const times = { first_byte_ms: 500, duration_ms: durationMs }
      const answer = { status: 200, finish_reason: 'stop', output_bytes: 0, usage, limits: [], ...times }
      subject.ingest('attempt.finished', { attempt, ...answer }, request, llm)
    }, durationMs)
  })
  const arrive = () => subject.ingest('request.received', crowdRequest(random), `r${arrived++}`, null)

  /** Runs until so many have ended; false when the budget ran out first. */
  function runUntil(goal: number, isOver: () => boolean): boolean {
    while (ended < goal) {
      if (isOver()) return false
      if (!clock.runNext()) throw new Error('nothing is left to happen')
      while (arrived - dispatched < waiting && !isOver()) arrive()
    }
    return true
  }

  const isFillOver = createTimeUp(effort.budgetMs)
  while (arrived - dispatched < waiting) {
    if (isFillOver()) return overBudget(waiting)
    arrive()
  }
  const isOver = createTimeUp(effort.budgetMs)
  runUntil(effort.warmUp, isOver)
  const [beforeMs, before] = [cpuMs(), ended]
  const isComplete = runUntil(before + effort.measured, isOver)
  const requests = ended - before
  const perRequestUs = requests < TELLING ? null : ((cpuMs() - beforeMs) * 1000) / requests
  return { waiting, perRequestUs, requests, isOverBudget: !isComplete }
}

/** A row for which the budget was not enough. */
export function overBudget(waiting: number): Steady {
  return { waiting, perRequestUs: null, requests: 0, isOverBudget: true }
}

/** Whether so much CPU time is used up. It asks the system only now and then, since that costs as much as a decision. */
function createTimeUp(budgetMs: number): () => boolean {
  const startedMs = cpuMs()
  let askedMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = performance.now()
    if (nowMs - askedMs < ASK_EVERY_MS) return false
    askedMs = nowMs
    return cpuMs() - startedMs > budgetMs
  }
}

const ASK_EVERY_MS = 20

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
