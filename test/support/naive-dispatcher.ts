import { mayHaveBooked, mayHaveCounted, reactionTo } from '../../src/core/cooling.ts'
import type { Policy } from '../../src/core/dispatch-state.ts'
import type { Event, EventOf, Failure, FailureClass, LimitReport } from '../../src/core/events.ts'
import { initialSkill, learned, type Skill } from '../../src/core/skill.ts'
import type { LlmSpec, Unit } from '../../src/core/types.ts'

/**
 * The dispatcher's rules written down as plainly as possible: one array of requests, one array of calls for each
 * LLM, everything looked through again at every fact. It shares with the real one only what has tables of its own
 * in other tests: how an LLM reacts to a failure and what it learns from an answer.
 */
export interface NaiveDispatcher {
  /** The decisions about requests that a fact has to lead to, in order, as `type request llm`. */
  take(event: Event): string[]
  /** The log says that an LLM is done cooling. Returns the instant at which it had to be. */
  cooled(llm: string): number
  /** The first instant at which something that waits could have moved if nothing else happened. */
  nextMove(now: number): number
}

const GUARD_MS = 500

interface Cost {
  readonly input: number
  readonly output: number
}

/** An amount on a limit: held until the call ends, then counted until `until`. */
interface Booking {
  readonly key: string
  readonly limit: number
  amount: number
  until: number
}

interface NaiveLlm {
  readonly spec: LlmSpec
  bookings: Booking[]
  skill: Skill
  state: 'open' | 'cooling' | 'disabled'
  coolUntil: number
  cause: FailureClass | null
  streak: number
}

interface NaiveRequest {
  readonly id: string
  readonly seq: number
  readonly rank: number
  readonly deadline: number
  readonly data: EventOf<'request.received'>['data']
  readonly eligible: NaiveLlm[]
  readonly excluded: Set<NaiveLlm>
  attempts: number
  /** Counts up at every return, since those that came back are served in the order of their return. */
  place: number
  running: { llm: NaiveLlm; key: string; cost: Cost } | null
}

export function createNaiveDispatcher(policy: Policy): NaiveDispatcher {
  const llms: NaiveLlm[] = policy.specs.map((spec) => ({
    spec,
    bookings: [],
    skill: initialSkill(spec),
    state: 'open',
    coolUntil: 0,
    cause: null,
    streak: 0,
  }))
  let waiting: NaiveRequest[] = []
  const running = new Map<string, NaiveRequest>()
  let places = 0
  let said: string[] = []
  const say = (type: string, request: string, llm: NaiveLlm | null = null) =>
    said.push(`${type} ${request} ${llm?.spec.name ?? '-'}`)

  function receive(event: EventOf<'request.received'>): void {
    const { data, at } = event
    const id = event.request!
    const eligible = llms.filter((llm) => canEver(llm, data))
    if (eligible.length === 0 || eligible.every(({ state }) => state === 'disabled'))
      return void say('request.rejected', id)
    const rank = ['high', 'normal', 'low'].indexOf(data.priority)
    const deadline = at + data.max_wait_ms
    const request: NaiveRequest = {
      ...{ id, seq: event.seq, rank, deadline, data, eligible },
      ...{ excluded: new Set(), attempts: 0, place: places++, running: null },
    }
    const bytes = waiting.reduce((sum, other) => sum + other.data.body_bytes, 0)
    const full = waiting.length >= policy.maxRequests || bytes + data.body_bytes > policy.maxBytes
    if ((waiting.length === 0 || full) && start(request, at)) return
    if (full) return void say('request.rejected', id)
    waiting.push(request)
    sweep(at)
  }

  /** Puts a request on the best LLM that has room now; false when none has. */
  function start(request: NaiveRequest, at: number): boolean {
    const among = candidates(request)
    const offers = among.map((llm) => {
      const cost = costOn(llm, request.data)
      const { inputPicoUsd, outputPicoUsd } = llm.spec
      const { firstByteMs, tokensPerSecond } = llm.skill
      const price = cost.input * inputPicoUsd + cost.output * outputPicoUsd
      return { llm, cost, price, ms: firstByteMs + (cost.output * 1000) / tokensPerSecond }
    })
    const dearest = Math.max(...offers.map(({ price }) => price))
    const fastest = Math.min(...offers.map(({ ms }) => ms))
    const w = request.data.weights ?? policy.weights
    const scoreOf = ({ llm, price, ms }: (typeof offers)[number]) => {
      const cheap = dearest === 0 ? 1 : 1 - price / dearest
      const part = w.cost * cheap + w.quality * (llm.spec.quality / 1000) + w.speed * (fastest / ms)
      return part / (w.cost + w.quality + w.speed)
    }
    const fitting = offers.filter(({ llm, cost }) => llm.state === 'open' && hasRoom(llm, cost, at))
    const best = fitting.toSorted((a, b) => scoreOf(b) - scoreOf(a))[0]
    if (best === undefined) return false
    request.attempts++
    const key = `${request.id}#${request.attempts}`
    book(best.llm, key, best.cost, at)
    request.running = { llm: best.llm, key, cost: best.cost }
    running.set(request.id, request)
    waiting = waiting.filter((other) => other !== request)
    say('request.dispatched', request.id, best.llm)
    return true
  }

  function sweep(at: number): void {
    expire(at - 1)
    for (const request of inOrder()) start(request, at)
    expire(at)
  }

  function inOrder(): NaiveRequest[] {
    return waiting.toSorted(
      (a, b) => a.rank - b.rank || Number(a.attempts === 0) - Number(b.attempts === 0) || a.place - b.place,
    )
  }

  function expire(at: number): void {
    const late = waiting.filter(({ deadline }) => deadline <= at)
    for (const { id } of late.toSorted((a, b) => a.deadline - b.deadline || a.seq - b.seq))
      say('request.expired', id)
    waiting = waiting.filter(({ deadline }) => deadline > at)
  }

  function finish(event: EventOf<'attempt.finished'>): void {
    const { request, llm, cost } = ended(event.request!)!
    const { usage, first_byte_ms: firstByteMs, duration_ms: durationMs } = event.data
    const actual = usage === null ? cost : { input: usage.input_tokens, output: usage.output_tokens }
    settle(llm, request, actual, true, event.at)
    report(llm, event.data.limits, event.at)
    llm.streak = 0
    llm.skill = learned(llm.skill, {
      estimatedTokens: request.data.input_tokens,
      inputTokens: usage?.input_tokens ?? null,
      outputTokens: usage?.output_tokens ?? null,
      firstByteMs,
      durationMs,
    })
    say('request.completed', request.id, llm)
    sweep(event.at)
  }

  function fail(event: EventOf<'attempt.failed'>): void {
    const { data, at } = event
    const { request, llm, cost } = ended(event.request!)!
    settle(llm, request, mayHaveBooked(data) ? cost : { input: 0, output: 0 }, mayHaveCounted(data), at)
    report(llm, data.limits, at)
    react(llm, data, at)
    if (!['rate_limited', 'overloaded', 'quota_exhausted', 'unreachable'].includes(data.class))
      request.excluded.add(llm)
    const again =
      !['bad_request', 'internal'].includes(data.class) &&
      !data.delivered &&
      request.excluded.size < policy.maxAttempts &&
      candidates(request).some(({ state }) => state !== 'disabled')
    say(again ? 'request.retried' : 'request.failed', request.id, again ? null : llm)
    const mayStart = at <= request.deadline || request.attempts < policy.maxAttempts
    if (again && !(mayStart && start(request, at))) waiting.push(Object.assign(request, { place: places++ }))
    if (llm.state === 'disabled') rejectStranded()
    sweep(at)
  }

  function rejectStranded(): void {
    const stranded = (request: NaiveRequest) => candidates(request).every(({ state }) => state === 'disabled')
    for (const { id } of inOrder().filter(stranded)) say('request.rejected', id)
    waiting = waiting.filter((request) => !stranded(request))
  }

  function react(llm: NaiveLlm, failure: Failure, at: number): void {
    if (llm.state === 'disabled') return
    const reaction = reactionTo(failure, llm.streak)
    if (reaction.kind === 'cool' && llm.state === 'cooling' && llm.coolUntil >= at + reaction.ms) return
    llm.streak++
    if (reaction.kind === 'none') return
    llm.state = reaction.kind === 'disable' ? 'disabled' : 'cooling'
    llm.coolUntil = reaction.kind === 'cool' ? at + reaction.ms : Number.POSITIVE_INFINITY
    llm.cause = failure.class
  }

  function abandon(event: EventOf<'request.abandoned'>): void {
    waiting = waiting.filter(({ id }) => id !== event.request)
    const call = ended(event.request!)
    if (call !== null) settle(call.llm, call.request, call.cost, true, event.at)
    sweep(event.at)
  }

  function ended(id: string): { request: NaiveRequest; llm: NaiveLlm; cost: Cost } | null {
    const request = running.get(id)
    running.delete(id)
    return request === undefined ? null : { request, ...request.running! }
  }

  function dispatchable(request: NaiveRequest, now: number): number {
    const starts = candidates(request)
      .filter(({ state }) => state === 'open')
      .map((llm) => {
        const cost = costOn(llm, request.data)
        const instants = [now, ...llm.bookings.map(({ until }) => until).filter((until) => until > now)]
        return Math.min(Number.POSITIVE_INFINITY, ...instants.filter((at) => hasRoom(llm, cost, at)))
      })
    return Math.min(Number.POSITIVE_INFINITY, ...starts)
  }

  return {
    take(event) {
      said = []
      if (event.type === 'request.received') receive(event)
      else if (event.type === 'request.abandoned') abandon(event)
      else if (event.type === 'attempt.finished') finish(event)
      else if (event.type === 'attempt.failed') fail(event)
      else if (event.type === 'timer.fired') sweep(event.at)
      else if (event.type === 'attempt.started') {
        const call = running.get(event.request!)?.running
        if (call) report(call.llm, event.data.limits, event.at)
        sweep(event.at)
      }
      return said
    },
    cooled(name) {
      const llm = llms.find(({ spec }) => spec.name === name)!
      llm.state = 'open'
      llm.cause = null
      return llm.coolUntil
    },
    nextMove(now) {
      const cooling = llms.filter(({ state }) => state === 'cooling').map(({ coolUntil }) => coolUntil)
      const moves = waiting.flatMap((request) => [request.deadline, dispatchable(request, now)])
      return Math.min(Number.POSITIVE_INFINITY, ...cooling, ...moves)
    },
  }

  function candidates({ eligible, excluded, data }: NaiveRequest): NaiveLlm[] {
    const left = eligible.filter((llm) => !excluded.has(llm))
    if (data.model !== 'auto') return left
    const real = left.filter(({ spec }) => spec.apiType !== 'simulated')
    return real.some(isReachable) ? real : left
  }
}

const isReachable = ({ state, cause }: NaiveLlm) =>
  state === 'open' || (state === 'cooling' && cause !== 'unreachable')

function canEver({ spec, skill }: NaiveLlm, data: EventOf<'request.received'>['data']): boolean {
  const cost = {
    input: Math.ceil((data.input_tokens * Math.min(skill.factor, 1000)) / 1000),
    output: data.output_tokens ?? 0,
  }
  if (data.model !== 'auto' && data.model !== spec.name) return false
  if (cost.input + cost.output > spec.contextLength) return false
  return spec.limits.every(({ unit, amount }) => amountOf(unit, cost) <= amount)
}

function costOn({ spec, skill }: NaiveLlm, data: EventOf<'request.received'>['data']): Cost {
  const all = (...units: Unit[]) =>
    spec.limits.filter(({ unit }) => units.includes(unit)).map(({ amount }) => amount)
  const counted = Math.ceil((data.input_tokens * skill.factor) / 1000) + skill.overheadTokens
  const input = Math.min(counted, ...all('tokens', 'input_tokens'))
  const usual = Math.max(0, Math.min(skill.expectedOutput * data.choices, spec.contextLength - input))
  const left = all('tokens').map((amount) => amount - input)
  return { input, output: Math.min(data.output_tokens ?? usual, ...left, ...all('output_tokens')) }
}

function amountOf(unit: Unit, { input, output }: Cost): number {
  if (unit === 'tokens') return input + output
  if (unit === 'input_tokens') return input
  return unit === 'output_tokens' ? output : 1
}

function usedOf(llm: NaiveLlm, limit: number, now: number): number {
  return llm.bookings
    .filter((booking) => booking.limit === limit && booking.until > now)
    .reduce((sum, { amount }) => sum + amount, 0)
}

function hasRoom(llm: NaiveLlm, cost: Cost, now: number): boolean {
  return llm.spec.limits.every(({ unit, amount }, i) => {
    const wanted = amountOf(unit, cost)
    return wanted === 0 || usedOf(llm, i, now) + wanted <= amount
  })
}

function book(llm: NaiveLlm, key: string, cost: Cost, at: number): void {
  for (const [limit, { unit, perMs }] of llm.spec.limits.entries()) {
    const until = unit === 'requests' ? at + perMs + GUARD_MS : Number.POSITIVE_INFINITY
    llm.bookings.push({ key, limit, amount: amountOf(unit, cost), until })
  }
}

function settle(llm: NaiveLlm, request: NaiveRequest, cost: Cost, counted: boolean, at: number): void {
  for (const booking of llm.bookings.filter(({ key }) => key === request.running!.key)) {
    const { unit, perMs } = llm.spec.limits[booking.limit]!
    booking.amount = counted ? amountOf(unit, cost) : 0
    if (unit === 'concurrency') booking.until = at
    else if (unit !== 'requests') booking.until = at + perMs + GUARD_MS
  }
}

function report(llm: NaiveLlm, limits: readonly LimitReport[], at: number): void {
  for (const { unit, per_ms: perMs, remaining, reset_ms: resetMs } of limits) {
    const i = llm.spec.limits.findIndex(
      (limit) => limit.unit === unit && (perMs === null || perMs === limit.perMs),
    )
    const limit = llm.spec.limits[i]
    if (limit === undefined || remaining === null) continue
    const foreign = limit.amount - usedOf(llm, i, at) - Math.max(0, remaining)
    const until = at + Math.min(resetMs ?? limit.perMs, limit.perMs)
    if (foreign > 0) llm.bookings.push({ key: 'foreign', limit: i, amount: foreign, until })
  }
}
