import { assign, bestWithRoom, startNewcomer } from './assign.ts'
import { abandon, attemptFailed, cut, finished, started } from './attempts.ts'
import { unfitness } from './choose.ts'
import { type Dispatcher, type Policy, type Ports, reject } from './dispatch-state.ts'
import type { EventOf, InputEvent } from './events.ts'
import { type Late, latenessOf, leastAhead, noteArrival, takeRefusal } from './early-refusal.ts'
import { bestOf, dueBefore, type Outlook, outlooksOf, shareOf, soonestOf } from './forecast.ts'
import { arrive, hold, isGathered, release } from './gather.ts'
import { addQuota } from './quotas.ts'
import { createRound, isDue, offersFor, type Round } from './round.ts'
import { waitFrom } from './wait.ts'
import { tellOfNewcomer } from './wake.ts'
import { AUTO, knownNames, resolveModel } from './names.ts'
import {
  aheadOf,
  dequeue,
  enqueue,
  nextDeadline,
  type Pending,
  plannedFor,
  type Queue,
  sizeOf,
} from './queue.ts'
import * as refusal from './refusal.ts'
import { PRIORITIES, type Weights } from './types.ts'

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
      assign(state, ports, event.at)
      return release(state.gathering, event.at)
    case 'process.stopping':
      return drain(state, ports, event)
    case 'process.started':
    case 'config.changed':
    case 'clock.jumped':
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
  if (state.draining) return reject(ports, id, refusal.draining())
  const { specs, rules, weights } = state.policy
  const named = resolveModel(event.data.model, specs, rules)
  if (named === null)
    return reject(ports, id, refusal.unknownModel(event.data.model, knownNames(specs, rules)))
  const eligible: number[] = []
  const pending = pendingOf(event, named.weights ?? weights, eligible, state.policy)
  const unfit: { llm: string; excluded: string }[] = []
  for (const i of named.llms) {
    const view = ports.views[i]!
    const excluded = unfitness(view, pending)
    if (excluded === null) eligible.push(i)
    else unfit.push({ llm: view.spec.name, excluded })
  }
  if (eligible.length === 0) return reject(ports, id, refusal.fitsNowhere(unfit))
  const views = eligible.map((i) => ports.views[i]!)
  if (views.every((view) => view.status === 'disabled')) {
    return reject(
      ports,
      id,
      refusal.noneEnabled(views.map(({ spec, because }) => ({ llm: spec.name, because }))),
    )
  }
  admit(state, ports, pending, event.at)
}

/** Starts it at once, or queues it, or refuses it: because the queue is full, or because it would wait too long. */
function admit(state: Dispatcher, ports: Ports, pending: Pending, at: number): void {
  const { queue, policy, gathering } = state
  // The timer of an LLM may fire a little later than it is due. What waits for it goes first all the same.
  if (sizeOf(queue) > 0 && ports.views.some((view) => isDue(view, at))) assign(state, ports, at)
  const round = createRound(state, ports, at, null)
  arrive(gathering, at)
  noteArrival(state.refusals, at)
  const isHeld = isBurst(round, pending)
  if (!isHeld && startNewcomer(round, pending)) return
  const full = fullBound(queue, policy, pending)
  const outlooks = foresee(round, pending)
  const { waitingFor, etaMs } = waitFrom(ports, outlooks, at)
  if (full !== null) return reject(ports, pending.id, refusal.queueFull(full, waitingFor, etaMs))
  const best = bestOf(outlooks)
  const late = best === null ? lateIn(round, pending) : null
  if (late !== null && policy.earlyRefusal === 'on')
    return reject(ports, pending.id, refusal.waitTooLong(pending.deadline - at, waitingFor, late.at - at))
  const expected = best ?? soonestOf(outlooks)
  const position = enqueue(
    queue,
    pending,
    expected && { llm: expected.offer.llm, cost: expected.offer.cost, at: expected.at },
  )
  if (expected !== null) {
    addQuota(state.quotas, pending.place!.lane.shape, expected.offer.llm)
    state.settled.delete(expected.offer.llm)
  }
  if (isHeld) hold(gathering, at)
  tellOfNewcomer(state, ports, offersFor(round, pending), at)
  pending.waitingFor = isHeld ? 'the rest of its burst' : waitingFor
  ports.decide('request.queued', pending.id, null, {
    position,
    waiting_for: pending.waitingFor,
    eta_ms: expected === null ? etaMs : expected.at - at,
    ...(late === null ? {} : { would_refuse: true }),
  })
  if (pending.deadline <= at) assign(state, ports, at)
}

/** Whether it could start, but should be looked at together with others that come now. */
function isBurst(round: Round, pending: Pending): boolean {
  const { state, ports, at } = round
  const best = bestWithRoom(round, pending)
  return best !== null && isGathered(state.gathering, ports.views[best.llm]!, at, pending.deadline)
}

/** When it starts if that is too late and it may be refused for that; null when it waits. */
function lateIn(round: Round, pending: Pending): Late | null {
  const { state, ports, at } = round
  if (state.policy.earlyRefusal === 'off') return null
  const band = PRIORITIES.indexOf(pending.priority)
  const outlooks = outlooksAfter(round, pending, leastAhead(dueBefore(state.queue, band, pending)))
  const late = latenessOf(ports.views, outlooks, pending, at)
  return late !== null && (late.isKnown || takeRefusal(state.refusals, at)) ? late : null
}

/** When each LLM could take a newcomer, what is served before it counted. */
function foresee(round: Round, pending: Pending): Outlook[] {
  const band = PRIORITIES.indexOf(pending.priority)
  return outlooksAfter(round, pending, aheadOf(round.state.queue, band, pending))
}

/** When each LLM could take a newcomer once `ahead` of those that wait were served. */
function outlooksAfter(round: Round, pending: Pending, ahead: number): Outlook[] {
  const { state, ports, at } = round
  const { queue } = state
  const band = PRIORITIES.indexOf(pending.priority)
  let size = 0
  for (let i = 0; i <= band; i++) size += queue.bands[i]!.size
  return outlooksOf(ports.views, offersFor(round, pending), pending, at, (llm) =>
    shareOf(plannedFor(queue, band, llm), ahead, size),
  )
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

function pendingOf(
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
    excluded: new Set(),
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
