import {
  blockOf,
  type Cost,
  createAccount,
  fits,
  reserveAll,
  settleAll,
  settleCall,
} from '../../src/core/limits/account.ts'
import {
  ALIKE,
  LEAST_WANTED,
  type LlmView,
  type Offer,
  offersOf,
  scoreOf,
  unfitness,
} from '../../src/core/matching/choose.ts'
import {
  isCapacity,
  isCut,
  isRetryable,
  mayHaveBooked,
  mayHaveCounted,
  reactionTo,
} from '../../src/core/cooling.ts'
import type { Policy } from '../../src/core/dispatch-state.ts'
import type { Event, EventOf, Failure, FailureClass } from '../../src/core/events.ts'
import {
  bestOf,
  type Outlook,
  outlooksOf,
  shareOf,
  soonestOf,
  startOn,
  type Totals,
} from '../../src/core/forecast/forecast.ts'
import { learnFromAnswer } from '../../src/core/limits/learning/raises.ts'
import { learnFromRefusal } from '../../src/core/limits/learning/refusals.ts'
import { learnFromReports } from '../../src/core/limits/learning/reports.ts'
import { used } from '../../src/core/limits/ledger.ts'
import { shapeOf } from '../../src/core/queue/shape.ts'
import { matchOf } from '../../src/core/matching/shape-match.ts'
import { initialSkill, learned } from '../../src/core/needs/skill.ts'
import { capacityOf, type LlmSpec, PRIORITIES, type Weights } from '../../src/core/types.ts'

/**
 * The dispatcher's rules for a short queue, written down as plainly as possible: arrays, and everything looked
 * through again at every fact. It shares with the real one only what has tests of its own: ledgers and what they
 * foretell, sizes and scores of offers, and how an LLM reacts to a failure and learns from an answer.
 */
export interface NaiveDispatcher {
  /**
   * The decisions about requests that a fact has to lead to, in order, as `type request llm`. `isDue` says
   * whether a newcomer was reason to look at what waits, because the timer of an LLM is due.
   */
  take(event: Event, isDue: boolean): string[]
  /** The log says that an LLM is done cooling. Returns the instant at which it had to be. */
  cooled(llm: string): number
  /** The first instant at which something that waits could have moved if nothing else happened. */
  nextMove(now: number): number
  /** Requests that wait. */
  size(): number
}

/** A few requests this close together are a burst, of which none starts alone once room is scarce. */
const URGENT_MS = 2_000
const BURST = { paceMs: 5, from: 4, heldMs: 20, scarceFrom: 8 }

type NaiveLlm = { -readonly [K in keyof LlmView]: LlmView[K] } & {
  cause: FailureClass | null
  streak: number
}

interface NaiveRequest {
  readonly id: string
  readonly seq: number
  readonly at: number
  readonly deadline: number
  readonly client: string
  readonly rank: number
  readonly bytes: number
  readonly weights: Weights
  readonly auto: boolean
  readonly inputTokens: number
  readonly outputTokens: number | null
  readonly choices: number
  readonly modes: EventOf<'request.received'>['data']['modes']
  readonly eligible: number[]
  readonly excluded: Set<number>
  attempts: number
  /** The band it waits in and the kind it is one of there; -1 while it does not wait. */
  band: number
  kind: string
  expected: number | null
  /** When it was expected to start. */
  startsAt: number
  call: { llm: number; key: string; cost: Cost } | null
}

/** How many of a kind are expected to go to an LLM, each at the cost of the first. */
interface Expectation {
  readonly band: number
  readonly kind: string
  readonly llm: number
  readonly cost: Cost
  count: number
}

/** A client among those of a band, by what it was served. */
interface Turn {
  readonly band: number
  readonly client: string
  served: number
  since: number
}

export function createNaiveDispatcher(policy: Policy): NaiveDispatcher {
  const llms = policy.specs.map(naiveLlm)
  const running = new Map<string, NaiveRequest>()
  const turns: Turn[] = []
  const servedLast = PRIORITIES.map(() => 0)
  const never = Number.POSITIVE_INFINITY
  const burst = { lastAt: Number.NEGATIVE_INFINITY, count: 0, since: never, until: never }
  let waiting: NaiveRequest[] = []
  /** In the order in which they came to have requests. */
  let lanes: { band: number; client: string; kind: string }[] = []
  let expectations: Expectation[] = []
  let said: string[] = []
  const say = (type: string, request: string, llm: number | null = null) =>
    said.push(`${type} ${request} ${llm === null ? '-' : llms[llm]!.spec.name}`)

  function receive(event: EventOf<'request.received'>, isDue: boolean): void {
    const request = requestOf(event, policy)
    const { model } = event.data
    for (const [i, llm] of llms.entries()) {
      const isNamed = model === 'auto' || model === llm.spec.name
      if (isNamed && unfitness(llm, request) === null) request.eligible.push(i)
    }
    if (request.eligible.every((i) => llms[i]!.status === 'disabled'))
      return void say('request.rejected', request.id)
    if (isDue) handOut(event.at)
    admit(request, event.at)
  }

  function admit(request: NaiveRequest, at: number): void {
    burst.count = at - burst.lastAt <= BURST.paceMs ? burst.count + 1 : 1
    burst.lastAt = at
    const best = bestWithRoom(request, at)
    const isHeld = best !== null && isOfBurst(request, llms[best.llm]!, at)
    if (!isHeld && best !== null && isBestNow(request, request.rank, best, at))
      return start(request, best, at)
    if (isFull(request)) return void say('request.rejected', request.id)
    const expected = foreseen(request, at)
    request.expected = expected?.offer.llm ?? null
    request.startsAt = expected?.at ?? at
    waiting.push(request)
    join(request, request.rank, expected?.offer.cost ?? null)
    if (isHeld) {
      burst.since = Math.min(burst.since, at)
      burst.until = Math.min(burst.since + BURST.heldMs, at + BURST.paceMs)
    }
    if (request.deadline <= at) handOut(at)
  }

  function isOfBurst({ deadline }: NaiveRequest, { account }: NaiveLlm, at: number): boolean {
    if (burst.count < BURST.from || deadline < at + BURST.heldMs) return false
    return account.ledgers.some((ledger) => used(ledger, at) * BURST.scarceFrom > capacityOf(ledger.limit))
  }

  function isFull({ client, bytes }: NaiveRequest): boolean {
    const bytesOf = (some: NaiveRequest[]) => some.reduce((sum, other) => sum + other.bytes, bytes)
    const own = waiting.filter((other) => other.client === client)
    return (
      waiting.length >= policy.maxRequests ||
      bytesOf(waiting) > policy.maxBytes ||
      own.length >= policy.maxRequestsPerClient ||
      bytesOf(own) > policy.maxBytesPerClient
    )
  }

  function candidates({ eligible, excluded, auto }: NaiveRequest): number[] {
    const left = eligible.filter((i) => !excluded.has(i))
    const reachable = left.filter((i) => llms[i]!.reachable)
    if (reachable.length === 0) return left
    const real = reachable.filter((i) => llms[i]!.spec.apiType !== 'simulated')
    return auto && real.length > 0 ? real : reachable
  }

  function withRoom(request: NaiveRequest, at: number): Offer[] {
    return offersOf(llms, candidates(request), request).filter(
      ({ llm, cost }) => llms[llm]!.status === 'available' && fits(llms[llm]!.account, cost, at),
    )
  }

  /** Of those with the best score, or nearly so, the one whose room it suits best. */
  function bestWithRoom(request: NaiveRequest, at: number): Offer | null {
    const open = withRoom(request, at)
    const scores = open.map((offer) => scoreOf(offer, request, at, at))
    const alike = open.filter((_, i) => scores[i]! >= Math.max(...scores) - ALIKE)
    const suits = ({ llm, cost }: Offer) => matchOf(llms[llm]!.account, cost, at)
    return alike.toSorted((a, b) => suits(b) - suits(a))[0] ?? null
  }

  /** Whether no other LLM, once all that is expected there has been served, is still better than this one now. */
  function isBestNow(request: NaiveRequest, band: number, offer: Offer, at: number): boolean {
    const enough = scoreOf(offer, request, at, at) + ALIKE
    return offersOf(llms, candidates(request), request).every(
      (other) =>
        other.llm === offer.llm || scoreOf(other, request, at, servedAt(request, band, other, at)) <= enough,
    )
  }

  function servedAt({ band: own, expected }: NaiveRequest, band: number, { llm, cost }: Offer, at: number) {
    const planned = plannedFor(band, llm)
    const isPlanned = own >= 0 && expected === llm && planned.requests > 0
    if (!isPlanned) return startOn(llms[llm]!, planned, cost, at).at
    const others = { ...planned, requests: planned.requests - 1 }
    return startOn(llms[llm]!, others, { inputTokens: 0, outputTokens: 0 }, at).at
  }

  /** What requests of a band and of those above it are expected to ask of an LLM. */
  function plannedFor(band: number, llm: number): Totals {
    const own = expectations.filter((one) => one.band <= band && one.llm === llm)
    const sum = (of: (one: Expectation) => number) =>
      own.reduce((total, one) => total + one.count * of(one), 0)
    return {
      requests: sum(() => 1),
      inputTokens: sum(({ cost }) => cost.inputTokens),
      outputTokens: sum(({ cost }) => cost.outputTokens),
    }
  }

  /** The LLM that a newcomer is expected to go to, after those before it. */
  function foreseen(request: NaiveRequest, at: number): Outlook | null {
    const { rank, client } = request
    const of = (band: number, name: string) =>
      waiting.filter((other) => other.band === band && other.client === name).length
    const own = of(rank, client)
    const weightOf = (name: string) => policy.clientWeights[name] ?? 1
    let ahead = own + waiting.filter(({ band }) => band < rank).length
    for (const other of new Set(waiting.map((one) => one.client))) {
      const share = Math.floor(((own + 1) * weightOf(other)) / weightOf(client))
      if (other !== client) ahead += Math.min(of(rank, other), share)
    }
    const size = waiting.filter(({ band }) => band <= rank).length
    const wishes = { ...request, priority: PRIORITIES[rank]!, place: null }
    const outlooks = outlooksOf(llms, offersOf(llms, candidates(request), request), wishes, at, (llm) =>
      shareOf(plannedFor(rank, llm), ahead, size),
    )
    return bestOf(outlooks) ?? soonestOf(outlooks)
  }

  function join(request: NaiveRequest, band: number, cost: Cost | null): void {
    const { client, seq, expected } = request
    const kind = shapeOf(request).key
    let turn = turns.find((one) => one.band === band && one.client === client)
    if (turn === undefined) {
      turn = { band, client, served: 0, since: 0 }
      turns.push(turn)
    }
    if (!waiting.some((other) => other.band === band && other.client === client)) {
      turn.served = Math.max(turn.served, inTurn(band)[0]?.served ?? servedLast[band]!)
      turn.since = seq
    }
    const isLane = (one: (typeof lanes)[number]) =>
      one.band === band && one.client === client && one.kind === kind
    if (!lanes.some(isLane)) lanes.push({ band, client, kind })
    Object.assign(request, { band, kind })
    if (expected === null) return
    const known = expectations.find((one) => one.band === band && one.kind === kind && one.llm === expected)
    if (known !== undefined) known.count++
    else expectations.push({ band, kind, llm: expected, cost: cost!, count: 1 })
  }

  /** Those of a kind are alike: when one goes where others were to go, one of them goes where it was to go. */
  function leave(request: NaiveRequest, llm: number | null): void {
    const { band, kind, expected } = request
    const own = expectations.filter((one) => one.band === band && one.kind === kind && one.count > 0)
    const first = own.toSorted((a, b) => a.llm - b.llm)[0]
    const from = own.find((one) => one.llm === llm) ?? own.find((one) => one.llm === expected) ?? first
    if (from !== undefined) from.count--
    request.band = -1
    const inLane = (lane: (typeof lanes)[number]) => (other: NaiveRequest) =>
      other.band === lane.band && other.client === lane.client && other.kind === lane.kind
    lanes = lanes.filter((lane) => waiting.some(inLane(lane)))
    expectations = expectations.filter((one) =>
      waiting.some((other) => other.band === one.band && other.kind === one.kind),
    )
  }

  function remove(request: NaiveRequest, llm: number | null = null): void {
    leave(request, llm)
    waiting = waiting.filter((other) => other !== request)
  }

  function inTurn(band: number): Turn[] {
    return turns
      .filter((turn) => turn.band === band && waiting.some((one) => isOf(one, turn)))
      .toSorted((a, b) => a.served - b.served || a.since - b.since)
  }

  /** What a client may send next: of each of its kinds the request that is due first. */
  function headsOf(turn: Turn): NaiveRequest[] {
    return lanes
      .filter((lane) => lane.band === turn.band && lane.client === turn.client)
      .map(
        ({ kind }) => waiting.filter((one) => isOf(one, turn) && one.kind === kind).toSorted(isDueBefore)[0]!,
      )
  }

  function handOut(at: number): void {
    expire(at - 1)
    promote(at)
    for (let next = nextStart(at); next !== null; next = nextStart(at)) start(next.request, next.offer, at)
    expire(at)
  }

  function nextStart(at: number): { request: NaiveRequest; offer: Offer } | null {
    for (const band of PRIORITIES.keys()) {
      const urgent = urgentIn(band, at)
      if (urgent !== null) return urgent
      for (const turn of inTurn(band)) {
        const match = matchFor(turn, at)
        if (match !== null) return match
      }
    }
    return null
  }

  /** What was expected in time and may soon be late goes first, the first due in front, wherever there is room. */
  function urgentIn(band: number, at: number): { request: NaiveRequest; offer: Offer } | null {
    const isUrgent = ({ at: came, startsAt, deadline }: NaiveRequest) =>
      startsAt <= deadline && deadline - at <= (deadline - came) / 2 + URGENT_MS
    for (const request of waiting.filter((one) => one.band === band && isUrgent(one)).toSorted(isDueBefore)) {
      const [offer] = withRoom(request, at).toSorted((a, b) => a.llm - b.llm)
      if (offer !== undefined) return { request, offer }
    }
    return null
  }

  function matchFor(turn: Turn, at: number): { request: NaiveRequest; offer: Offer } | null {
    const ready = headsOf(turn).flatMap((request) =>
      withRoom(request, at)
        .filter((offer) => isBestNow(request, turn.band, offer, at))
        .map((offer) => ({
          ...{ request, offer, llm: offer.llm, suits: matchOf(llms[offer.llm]!.account, offer.cost, at) },
        })),
    )
    const byLlm = ready.toSorted((a, b) => a.llm - b.llm)
    return (
      byLlm.find(({ request }) => request.attempts > 0) ??
      byLlm.toSorted((a, b) => b.suits - a.suits)[0] ??
      null
    )
  }

  function start(request: NaiveRequest, { llm, cost }: Offer, at: number): void {
    const { band, client } = request
    if (band >= 0) {
      remove(request, llm)
      const turn = turns.find((one) => one.band === band && one.client === client)!
      const tokens = cost.inputTokens + 2 * cost.outputTokens
      servedLast[band] = Math.max(servedLast[band]!, turn.served)
      turn.served += Math.round((tokens * 1000) / (policy.clientWeights[client] ?? 1))
    }
    request.attempts++
    request.call = { llm, key: `${request.id}#${request.attempts}`, cost }
    reserveAll(llms[llm]!.account, request.call.key, cost, at)
    running.set(request.id, request)
    say('request.dispatched', request.id, llm)
  }

  function promote(at: number): void {
    const agesAt = ({ at: came, deadline, rank, band }: NaiveRequest) =>
      came + (deadline - came) * (1 - 0.5 ** (rank + 1 - band))
    for (;;) {
      const aged = waiting.filter((one) => one.band > 0 && agesAt(one) <= at)
      const request = aged.toSorted((a, b) => agesAt(a) - agesAt(b) || a.seq - b.seq)[0]
      if (request === undefined) return
      const { band, kind, expected } = request
      const own = expectations.find((one) => one.band === band && one.kind === kind && one.llm === expected)
      leave(request, null)
      join(request, band - 1, own?.cost ?? null)
    }
  }

  function expire(at: number): void {
    for (const request of waiting.filter(({ deadline }) => deadline <= at).toSorted(isDueBefore)) {
      remove(request)
      say('request.expired', request.id)
    }
  }

  function finish(event: EventOf<'attempt.finished'>): void {
    const { request, llm, index, key, cost } = ended(event.request!)!
    const { usage, limits, first_byte_ms: firstByteMs, duration_ms: durationMs } = event.data
    const inputTokens = usage?.input_tokens ?? null
    const outputTokens = usage?.output_tokens ?? null
    const actual = usage === null ? cost : { inputTokens: inputTokens!, outputTokens: outputTokens! }
    settleAll(llm.account, key, actual, true, event.at)
    const sizes = { estimatedTokens: request.inputTokens, inputTokens, outputTokens }
    llm.skill = learned(llm.skill, { ...sizes, firstByteMs, durationMs })
    llm.streak = 0
    learnFromAnswer(llm.account, event.at)
    learnFromReports(llm.account, limits, event.at)
    say('request.completed', request.id, index)
    handOut(event.at)
  }

  function fail({ request: id, data, at }: EventOf<'attempt.failed'>): void {
    const { request, llm, index, key, cost } = ended(id!)!
    const booked = mayHaveBooked(data) ? cost : { inputTokens: 0, outputTokens: 0 }
    settleCall(llm.account, key, { cost: booked, counted: mayHaveCounted(data), cut: isCut(data) }, at)
    learnFromReports(llm.account, data.limits, at)
    learnFromRefusal(llm.account, { failure: data, startedAt: at - data.duration_ms, at })
    react(llm, data, at)
    if (!isCapacity(data)) request.excluded.add(index)
    const again =
      isRetryable(data) &&
      !data.delivered &&
      request.excluded.size < policy.maxAttempts &&
      candidates(request).some((i) => llms[i]!.status !== 'disabled')
    say(again ? 'request.retried' : 'request.failed', request.id, again ? null : index)
    if (again) retry(request, at)
    if (llm.status === 'disabled') rejectStranded()
    handOut(at)
  }

  function retry(request: NaiveRequest, at: number): void {
    const mayStart = at <= request.deadline || request.attempts < policy.maxAttempts
    const best = mayStart ? bestWithRoom(request, at) : null
    if (best !== null) return start(request, best, at)
    request.expected = null
    request.startsAt = request.at
    waiting.push(request)
    join(request, request.rank, null)
  }

  function rejectStranded(): void {
    for (const request of [...waiting]) {
      if (candidates(request).some((i) => llms[i]!.status !== 'disabled')) continue
      remove(request)
      say('request.rejected', request.id)
    }
  }

  function abandon({ request: id, at }: EventOf<'request.abandoned'>): void {
    const call = ended(id!)
    if (call !== null)
      settleCall(call.llm.account, call.key, { cost: call.cost, counted: true, cut: true }, at)
    const request = waiting.find((one) => one.id === id)
    if (request !== undefined) remove(request)
    handOut(at)
  }

  function ended(id: string) {
    const request = running.get(id)
    if (request === undefined) return null
    running.delete(id)
    const { llm: index, key, cost } = request.call!
    return { request, llm: llms[index]!, index, key, cost }
  }

  return {
    take(event, isDue) {
      said = []
      if (event.type === 'request.received') receive(event, isDue)
      else if (event.type === 'request.abandoned') abandon(event)
      else if (event.type === 'attempt.finished') finish(event)
      else if (event.type === 'attempt.failed') fail(event)
      else if (event.type === 'timer.fired') {
        if (event.at >= burst.until) Object.assign(burst, { since: never, until: never })
        handOut(event.at)
      } else if (event.type === 'attempt.started') {
        const call = running.get(event.request!)?.call
        if (call == null || event.data.limits.length === 0) return said
        learnFromReports(llms[call.llm]!.account, event.data.limits, event.at)
        handOut(event.at)
      }
      return said
    },
    cooled(name) {
      const llm = llms.find(({ spec }) => spec.name === name)!
      const { wakeAt } = llm
      Object.assign(llm, { status: 'available', cause: null, wakeAt: Number.POSITIVE_INFINITY })
      return wakeAt
    },
    nextMove(now) {
      const heads = [...PRIORITIES.keys()].flatMap((band) => inTurn(band).flatMap(headsOf))
      const rooms = heads.flatMap((request) =>
        offersOf(llms, candidates(request), request)
          .filter(({ llm }) => llms[llm]!.status === 'available')
          .map(({ llm, cost }) => blockOf(llms[llm]!.account, cost, now)?.until ?? Number.POSITIVE_INFINITY),
      )
      const cooling = llms.map(({ wakeAt }) => wakeAt)
      const deadlines = waiting.map(({ deadline }) => deadline)
      return Math.min(burst.until, ...cooling, ...deadlines, ...rooms)
    },
    size: () => waiting.length,
  }
}

function naiveLlm(spec: LlmSpec): NaiveLlm {
  return {
    spec,
    account: createAccount(spec.limits),
    status: 'available',
    because: null,
    get reachable() {
      return this.status !== 'disabled' && this.cause !== 'unreachable'
    },
    wakeAt: Number.POSITIVE_INFINITY,
    wanted: LEAST_WANTED,
    skill: initialSkill(spec),
    cause: null,
    streak: 0,
  }
}

function react(llm: NaiveLlm, failure: Failure, at: number): void {
  if (llm.status === 'disabled') return
  const reaction = reactionTo(failure, llm.streak)
  const wakeAt = reaction.kind === 'cool' ? at + reaction.ms : Number.POSITIVE_INFINITY
  if (reaction.kind === 'cool' && llm.status === 'cooling' && llm.wakeAt >= wakeAt) return
  llm.streak++
  if (reaction.kind === 'none') return
  const status = reaction.kind === 'disable' ? 'disabled' : 'cooling'
  Object.assign(llm, { status, wakeAt, cause: failure.class })
}

function requestOf({ request, seq, at, data }: EventOf<'request.received'>, policy: Policy): NaiveRequest {
  return {
    ...{ id: request!, seq, at, deadline: at + data.max_wait_ms, client: data.client },
    ...{ rank: PRIORITIES.indexOf(data.priority), bytes: data.body_bytes },
    ...{ weights: data.weights ?? policy.weights, auto: data.model === 'auto', modes: data.modes },
    ...{ inputTokens: data.input_tokens, outputTokens: data.output_tokens, choices: data.choices },
    ...{
      eligible: [],
      excluded: new Set(),
      attempts: 0,
      band: -1,
      kind: '',
      expected: null,
      startsAt: 0,
      call: null,
    },
  }
}

function isOf(request: NaiveRequest, { band, client }: Turn): boolean {
  return request.band === band && request.client === client
}

function isDueBefore(a: NaiveRequest, b: NaiveRequest): number {
  return a.deadline - b.deadline || a.seq - b.seq
}
