import { assign, assignLast, candidatesOf, dispatch, waitOf } from './assign.ts'
import { abandon, attemptFailed, cut, finished, started } from './attempts.ts'
import { choose, unfitness } from './choose.ts'
import { type Dispatcher, type Policy, type Ports, reject } from './dispatch-state.ts'
import type { EventOf, InputEvent } from './events.ts'
import { AUTO, knownNames, resolveModel } from './names.ts'
import { dequeue, enqueue, inOrder, isWaiting, nextDeadline, type Pending, type Queue } from './queue.ts'
import * as refusal from './refusal.ts'
import type { Weights } from './types.ts'

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
      return assign(state, ports, event.at)
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
  const pending = pendingOf(event, named.weights ?? weights)
  const unfit: { llm: string; excluded: string }[] = []
  for (const i of named.llms) {
    const view = ports.views[i]!
    const excluded = unfitness(view, pending)
    if (excluded === null) pending.eligible.push(i)
    else unfit.push({ llm: view.spec.name, excluded })
  }
  if (pending.eligible.length === 0) return reject(ports, id, refusal.fitsNowhere(unfit))
  const views = pending.eligible.map((i) => ports.views[i]!)
  if (views.every((view) => view.status === 'disabled')) {
    return reject(
      ports,
      id,
      refusal.noneEnabled(views.map(({ spec, because }) => ({ llm: spec.name, because }))),
    )
  }
  admit(state, ports, pending, event.at)
}

/** Dispatches at once, or queues, or refuses because the queue is full. */
function admit(state: Dispatcher, ports: Ports, pending: Pending, at: number): void {
  const { queue, policy } = state
  const full = fullBound(queue, policy, pending)
  // What waits in a full queue waits for other room; it must not keep out a request that needs no place in it.
  const mayPass = queue.size === 0 || full !== null
  if (mayPass && dispatch(state, ports, pending, candidatesOf(pending, ports), at)) {
    // It may have taken the room that the others were to wake for.
    if (queue.size > 0) assign(state, ports, at)
    return
  }
  if (full !== null) {
    const { waitingFor, etaMs } = waitOf(ports, pending, at)
    return reject(ports, pending.id, refusal.queueFull(full, waitingFor, etaMs))
  }
  const position = enqueue(queue, pending)
  assignLast(state, ports, pending, at)
  if (!isWaiting(queue, pending)) return
  const { waitingFor, etaMs } = waitOf(ports, pending, at)
  pending.waitingFor = waitingFor
  const { candidates } = choose(ports.views, pending.eligible, pending, pending.weights, at)
  ports.decide('request.queued', pending.id, null, {
    position,
    waiting_for: waitingFor,
    eta_ms: etaMs,
    candidates,
  })
}

/** Refuses what waits; what runs has time to finish. */
function drain(state: Dispatcher, ports: Ports, { at, data }: EventOf<'process.stopping'>): void {
  state.draining = true
  state.drainUntil = at + data.drain_ms
  for (const pending of inOrder(state.queue)) {
    dequeue(state.queue, pending)
    reject(ports, pending.id, refusal.draining())
  }
}

function pendingOf(event: EventOf<'request.received'>, weights: Weights): Pending {
  const { data } = event
  return {
    id: event.request!,
    seq: event.seq,
    at: event.at,
    client: data.client,
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
    eligible: [],
    waitingFor: null,
    attempts: 0,
    excluded: new Set(),
  }
}

function fullBound(queue: Queue, policy: Policy, pending: Pending): string | null {
  if (queue.size >= policy.maxRequests) return `queue.max_requests is ${policy.maxRequests}`
  if (queue.bytes + pending.bodyBytes > policy.maxBytes) return `queue.max_bytes is ${policy.maxBytes}`
  return null
}
