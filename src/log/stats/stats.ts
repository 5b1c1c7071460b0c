import { type Event, type EventOf, isTerminal } from '../../core/events.ts'
import { type BoundBy, createBound } from './bound.ts'
import { type Charts, type ChartSpan, createCharts } from './charts.ts'
import {
  countEvent,
  createGroups,
  createTally,
  type Dimension,
  type Group,
  NONE,
  type Tally,
} from './groups.ts'
import { type LearnedLimit, learn } from './learned.ts'
import { createOpenRequests, type OpenRequest } from './open-requests.ts'
import { createUtilisation, type Limited, limitedIn, type LimitUse } from './utilisation.ts'

export interface StatsOptions {
  /** Events before it are only used to know what waits and runs then, in ms since 1970. */
  readonly since: number
  readonly by: readonly Dimension[]
  /** The limits at the first event; those of a process that starts later are in its first event. */
  readonly llms?: readonly Limited[]
  /** What is drawn; nothing where it is left out. */
  readonly chart?: ChartSpan
}

/** What a span of the log adds up to. */
export interface Stats {
  /** The first and the last event that count, in ms since 1970; null when none does. */
  readonly from: number | null
  readonly to: number | null
  readonly events: number
  readonly total: Tally
  readonly groups: readonly Group[]
  readonly limits: readonly BoundLimit[]
  readonly learned: readonly LearnedLimit[]
  readonly charts: Charts | null
}

/** A limit with how long it left its LLM without room while requests waited. */
export interface BoundLimit extends Omit<LimitUse, 'unit'> {
  /** Null for a limit that is not declared but was learned; of it only `boundMs` is known, all else is 0. */
  readonly unit: LimitUse['unit'] | null
  readonly boundMs: number
}

export interface StatsFold {
  /** Takes in the next event of the log. */
  take(event: Event): void
  result(): Stats
}

/** The events of a request that say nothing that is counted. */
const SILENT: ReadonlySet<string> = new Set(['request.queued', 'request.retried', 'attempt.started'])

/** Folds events, oldest first, into sums. O(1) an event, memory by group, limit and request under way. */
export function createStats({ since, by, llms = [], chart }: StatsOptions): StatsFold {
  const total = createTally()
  const groups = createGroups(by)
  const byLlm = by.includes('llm')
  const charts = chart === undefined ? null : createCharts(chart)
  const bound = createBound()
  const utilisation = createUtilisation()
  const learned: LearnedLimit[] = []
  let declared = llms
  let [events, from, last] = [0, null as number | null, 0]
  const requests = createOpenRequests({
    waits: bound.wait,
    began: (llm, at) => from !== null && utilisation.began(llm, at),
    ended: (llm, cost, reserved, at) => from !== null && utilisation.ended(llm, cost, reserved, at),
  })

  /** The first event that counts: what runs then takes places from now on. */
  function begin(at: number): void {
    from = at
    bound.begin()
    utilisation.declare(declared, at)
    for (const llm of requests.running()) utilisation.takePlace(llm, at)
  }
  function startProcess({ at, data }: EventOf<'process.started'>): void {
    requests.cut(last)
    bound.forget()
    declared = limitedIn(data.config) ?? declared
    if (from !== null) utilisation.declare(declared, at)
  }
  function takeOfLlm(event: Event): void {
    if (event.type === 'llm.exhausted') bound.exhaust(event.llm!, nameOf(event.data.limit))
    else if (event.type === 'llm.available' || event.type === 'llm.cooling' || event.type === 'llm.disabled')
      bound.release(event.llm!)
    else if (event.type === 'llm.limit_learned' && from !== null) learn(learned, event)
  }
  function count(event: Event, request: OpenRequest | null): void {
    const { type, at } = event
    const llm = event.llm ?? request?.llm ?? null
    countEvent(total, event)
    total.requests += Number(type === 'request.received')
    if (byLlm && type === 'request.received') return
    const subject = { llm, client: request?.client ?? NONE, model: request?.model ?? NONE, at }
    const tally = groups.of(subject)
    countEvent(tally, event)
    tally.requests += Number(byLlm ? isFirstAt(llm, event, request) : type === 'request.received')
  }

  return {
    take(event) {
      const { at, type } = event
      if (type === 'process.started') startProcess(event)
      bound.reach(at)
      if (from === null && at >= since) begin(at)
      const request = requests.take(event)
      if (event.request === null) takeOfLlm(event)
      else if (from !== null && !SILENT.has(type)) count(event, request)
      if (from !== null) {
        events++
        charts?.take(event)
      }
      last = at
    },
    result: () => ({
      ...{ from, to: from === null ? null : last, events, total, learned },
      groups: groups.all(),
      limits: from === null ? [] : boundLimits(utilisation.result(last), bound.result()),
      charts: charts?.result() ?? null,
    }),
  }
}

/** Whether a request counts at an LLM for the first time, or at none because it ended without having been at any. */
function isFirstAt(llm: string | null, { type }: Event, request: OpenRequest | null): boolean {
  if (llm === null) return isTerminal(type) && (request === null || request.tried.length === 0)
  if (type !== 'request.dispatched' || request?.tried.includes(llm)) return false
  request?.tried.push(llm)
  return true
}

/** The name of a limit, of which the log may also tell until when it is paced. */
function nameOf(limit: string): string {
  return limit.split(',')[0]!
}

function boundLimits(uses: readonly LimitUse[], bound: readonly BoundBy[]): BoundLimit[] {
  const isAbout = (use: LimitUse, { llm, limit }: BoundBy) => use.llm === llm && use.limit === limit
  const declared = uses.map((use) => {
    // A limit that was declared anew is told how long it bound in its last form.
    const isLast = uses.findLast((one) => one.llm === use.llm && one.limit === use.limit) === use
    return { ...use, boundMs: (isLast && bound.find((one) => isAbout(use, one))?.ms) || 0 }
  })
  const rest = bound.filter((one) => !uses.some((use) => isAbout(use, one)))
  const unknown = { unit: null, shared: null, from: 0, to: 0, capacity: 0, peak: 0, used: 0, allowed: 0 }
  return [...declared, ...rest.map(({ llm, limit, ms }) => ({ llm, limit, ...unknown, boundMs: ms }))]
}
