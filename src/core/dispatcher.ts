import { assign } from './matching/assign.ts'
import { bestWithRoom, startNewcomer } from './matching/assign-each.ts'
import { abandon, attemptFailed, cut, finished, started } from './attempts.ts'
import { type Bounds, outOfBounds, stricter } from './needs/bounds.ts'
import { type Offer, unfitness } from './matching/choose.ts'
import { type Dispatcher, type Policy, type Ports, reject } from './dispatch-state.ts'
import { noteHours } from './limits/hours.ts'
import { type Late, noteArrival } from './forecast/early-refusal.ts'
import type { EventOf, InputEvent } from './events.ts'
import { bestOf, soonestOf } from './forecast/forecast.ts'
import { beforeOf, foresee, foreseeBest, lateIn, nextPlace } from './forecast/foresee.ts'
import { arrive, hold, isGathered, isHolding, release } from './matching/gather.ts'
import { AUTO, knownNames, resolveModel } from './needs/names.ts'
import { dequeue, enqueue, nextDeadline, type Pending, type Queue, sizeOf } from './queue/queue.ts'
import { addToPlan, isLong, notice } from './matching/quotas.ts'
import * as refusal from './refusal.ts'
import { createRound, isDue, type Round } from './matching/round.ts'
import { bitsOf } from './queue/shape.ts'
import { giveTicket, takeTicket } from './forecast/tickets.ts'
import type { Weights } from './types.ts'
import { ITS_BURST, ITS_TURN, waitFrom } from './forecast/wait.ts'
import { tellOfNewcomer } from './matching/wake.ts'

/** Takes in one fact and makes all decisions that follow from it. */
export function handle(state: Dispatcher, ports: Ports, event: InputEvent): void {
  switch (event.type) {
    case 'request.received':
      return receive(state, ports, event)
    case 'request.abandoned':
      return abandon(state, ports, event)
    case 'attempt.started':
      return started(state, ports, event)
    case 'attempt.finished':
      return finished(state, ports, event)
    case 'attempt.failed':
      return attemptFailed(state, ports, event)
    case 'timer.fired':
      if (event.at >= state.drainUntil) cut(state, ports, event.at)
      notice(state, ports)
      assign(state, ports, event.at)
      return release(state.gathering, event.at)
    case 'process.stopping':
      return drain(state, ports, event)
    case 'clock.jumped':
      state.hasJumped = true
      return
    case 'process.started':
    case 'config.changed':
    case 'log.resumed':
      return
    default:
      event satisfies never
  }
}

/** When the dispatcher has to be woken next, in ms since 1970; Infinity when nothing has a deadline. */
export function wakeAt(state: Dispatcher): number {
  return Math.min(
    nextDeadline(state.queue),
    state.gathering.until,
    state.running.size > 0 ? state.drainUntil : Number.POSITIVE_INFINITY,
  )
}

function receive(state: Dispatcher, ports: Ports, event: EventOf<'request.received'>): void {
  const id = event.request!
  noteHour(state, ports, event.at)
  if (state.draining) return reject(ports, id, refusal.draining())
  const { specs, rules, weights } = state.policy
  const named = resolveModel(event.data.model, specs, rules)
  if (named === null)
    return reject(ports, id, refusal.unknownModel(event.data.model, knownNames(specs, rules)))
  const eligible: number[] = []
  const unfit: refusal.Unfit[] = []
  const needs = needsOf(event.data)
  const asked = boundsOf(event)
  const bounds = named.bounds === undefined ? asked : stricter(asked, named.bounds)
  for (const i of named.llms) {
    const view = ports.views[i]!
    const unfitting = unfitness(view, needs)
    const excluded = unfitting ?? outOfBounds(view, needs, bounds)
    if (excluded === null) eligible.push(i)
    else unfit.push({ llm: view.spec.name, excluded, isBound: unfitting === null })
  }
  if (eligible.length === 0) return reject(ports, id, refusal.fitsNowhere(unfit))
  if (eligible.every((i) => ports.views[i]!.status === 'disabled')) {
    const reasons = eligible.map((i) => ({ llm: specs[i]!.name, because: ports.views[i]!.because }))
    return reject(ports, id, refusal.noneEnabled(reasons))
  }
  const pending = pendingOf(event, named.weights ?? weights, shared(state, eligible), state.policy)
  admit(state, ports, pending, event.at)
}

/** Counts an arrival. Where that changes the pace of limits, LLMs may have to wake at another time. */
function noteHour(state: Dispatcher, ports: Ports, at: number): void {
  if (!noteHours(state.hours, ports.views, at)) return
  for (const llm of ports.views.keys()) ports.tell(llm, { type: 'refresh', at })
  notice(state, ports)
  // One that is back by that will not be woken any more. What waits for it goes before who comes.
  if (sizeOf(state.queue) > 0) assign(state, ports, at)
}

/** The one list of these LLMs. */
function shared({ eligible: lists }: Dispatcher, eligible: readonly number[]): readonly number[] {
  const key = bitsOf(eligible)
  const known = lists.get(key)
  if (known !== undefined) return known
  lists.set(key, eligible)
  return eligible
}

/** What a request needs of an LLM, as the log has it. */
export function needsOf({
  client,
  input_tokens,
  output_tokens,
  choices,
  modes,
}: EventOf<'request.received'>['data']) {
  return { client, inputTokens: input_tokens, outputTokens: output_tokens, choices, modes }
}

export function boundsOf({ data }: EventOf<'request.received'>): Bounds {
  return { minQuality: data.min_quality, maxCostNanoUsd: data.max_cost_nano_usd }
}

/** Starts it at once, or queues it, or refuses it: because the queue is full, or because it would wait too long. */
function admit(state: Dispatcher, ports: Ports, pending: Pending, at: number): void {
  const { queue, policy, gathering } = state
  // The timer of an LLM may fire a little later than it is due. What waits for it goes first all the same.
  if (sizeOf(queue) > 0 && ports.views.some((view) => isDue(view, at))) assign(state, ports, at)
  const round = createRound(state, ports, at)
  arrive(gathering, at)
  noteArrival(state.refusals, at)
  const hasTicket = takeTicket(state.tickets, pending, at)
  const isBehind = isLong(state)
  const best = isBehind ? null : bestWithRoom(round, pending)
  const isHeld = isBehind ? isHolding(gathering) : isBurst(round, pending, best)
  if (!isHeld && startNewcomer(round, pending, best)) return
  const full = fullBound(queue, policy, pending)
  const before = beforeOf(round, pending, hasTicket)
  const outlooks = isBehind ? foreseeBest(round, pending, before) : foresee(round, pending, before)
  const { waitingFor, etaMs } = waitFrom(ports, outlooks, at)
  if (full !== null) return reject(ports, pending.id, refusal.queueFull(full, waitingFor, etaMs))
  const inTime = bestOf(outlooks)
  const late = inTime === null && !hasTicket ? lateIn(round, pending) : null
  if (late !== null && policy.earlyRefusal === 'on') return refuse(round, pending, late, waitingFor)
  const next = inTime ?? soonestOf(outlooks)
  const expected = next && { llm: next.offer.llm, cost: next.offer.cost, at: next.at }
  const position = enqueue(queue, pending, expected, before.ahead)
  if (hasTicket) queue.holders.add(pending)
  addToPlan(round, pending, next && { llm: next.offer.llm, score: next.score })
  if (isHeld) hold(gathering, at)
  if (!isBehind) tellOfNewcomer(round, pending)
  pending.waitingFor = isHeld && waitingFor === ITS_TURN ? ITS_BURST : waitingFor
  ports.decide('request.queued', pending.id, null, {
    position,
    waiting_for: pending.waitingFor,
    eta_ms: next === null ? etaMs : next.at - at,
    ...(late === null ? {} : { would_refuse: true }),
    ...(hasTicket ? { came_again: true } : {}),
  })
  if (pending.deadline <= at || (isBehind && !isHeld)) assign(state, ports, at)
}

/** Refuses what would be late, and keeps a place for when it comes again. */
function refuse(round: Round, pending: Pending, late: Late, waitingFor: string): void {
  const { state, ports, at } = round
  const waitMs = pending.deadline - at
  const outlook = nextPlace(round, pending, late.at)
  const refused = refusal.waitTooLong(waitMs, waitingFor, (outlook ?? late).at - at)
  if (outlook !== null)
    giveTicket(state.tickets, pending, { now: at, waitMs: refused.retryAfterMs!, outlook })
  reject(ports, pending.id, refused)
}

/** Whether it could start, but should be looked at together with others that come now. */
function isBurst({ state, ports, at }: Round, pending: Pending, best: Offer | null): boolean {
  return best !== null && isGathered(state.gathering, ports.views[best.llm]!, at, pending.deadline)
}

/** Refuses what waits; what runs has time to finish. */
function drain(state: Dispatcher, ports: Ports, { at, data }: EventOf<'process.stopping'>): void {
  state.draining = true
  state.drainUntil = at + data.drain_ms
  for (const pending of state.queue.byId.values()) {
    dequeue(state.queue, pending)
    reject(ports, pending.id, refusal.draining())
  }
}

/** Shared by all that no LLM has failed, which is nearly all. */
const NOBODY: ReadonlySet<number> = new Set()

export function pendingOf(
  event: EventOf<'request.received'>,
  weights: Weights,
  eligible: readonly number[],
  policy: Policy,
): Pending {
  const { data } = event
  return {
    id: event.request!,
    seq: event.seq,
    at: event.at,
    client: data.client,
    clientWeight: policy.clientWeights[data.client] ?? 1,
    priority: data.priority,
    deadline: event.at + data.max_wait_ms,
    bodyBytes: data.body_bytes,
    weights: data.weights ?? weights,
    inputTokens: data.input_tokens,
    outputTokens: data.output_tokens,
    modes: data.modes,
    auto: data.model === AUTO,
    tools: data.tools,
    structured: data.structured,
    choices: data.choices,
    eligible,
    waitingFor: null,
    attempts: 0,
    excluded: NOBODY,
    place: null,
  }
}

function fullBound(queue: Queue, policy: Policy, { client, bodyBytes }: Pending): string | null {
  if (sizeOf(queue) >= policy.maxRequests) return `queue.max_requests is ${policy.maxRequests}`
  if (queue.bytes + bodyBytes > policy.maxBytes) return `queue.max_bytes is ${policy.maxBytes}`
  const own = queue.clients.get(client)
  if ((own?.requests ?? 0) >= policy.maxRequestsPerClient)
    return `queue.max_requests_per_client is ${policy.maxRequestsPerClient}`
  if ((own?.bytes ?? 0) + bodyBytes > policy.maxBytesPerClient)
    return `queue.max_bytes_per_client is ${policy.maxBytesPerClient}`
  return null
}
