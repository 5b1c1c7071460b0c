import { costOf } from './limits/account.ts'
import { assign } from './matching/assign.ts'
import { startElsewhere } from './matching/assign-each.ts'
import { priceOf } from './matching/choose.ts'
import { isCapacity, isCut, isRetryable, mayHaveBooked, mayHaveCounted } from './cooling.ts'
import { type Dispatcher, type Ports, type Running, reject, type Sample } from './dispatch-state.ts'
import type { EventOf, Failure } from './events.ts'
import { dequeue, enqueue, type Pending } from './queue/queue.ts'
import { addToPlan, isLong, notice } from './matching/quotas.ts'
import * as refusal from './refusal.ts'
import { candidatesOf, createRound } from './matching/round.ts'
import { waitOf } from './forecast/wait.ts'
import { tellOfNewcomer } from './matching/wake.ts'

/** What a provider says of its limits is reason to look again at what waits: there may be less room, or later. */
export function started(state: Dispatcher, ports: Ports, event: EventOf<'attempt.started'>): void {
  const running = state.running.get(event.request!)
  if (running === undefined || event.data.limits.length === 0) return
  const { llm } = running
  const { limits, headers_ms: headersMs } = event.data
  ports.tell(llm, { type: 'report', limits, sentAt: event.at - headersMs, at: event.at })
  assign(state, ports, event.at, llm)
}

export function finished(state: Dispatcher, ports: Ports, event: EventOf<'attempt.finished'>): void {
  const running = end(state, event.request!)
  if (running === null) return
  const { pending, llm, cost: reserved } = running
  const { usage, limits, duration_ms: durationMs } = event.data
  const cost = usage === null ? reserved : costOf(usage)
  const sample: Sample = {
    client: pending.client,
    estimatedTokens: pending.inputTokens,
    inputTokens: usage?.input_tokens ?? null,
    outputTokens: usage?.output_tokens ?? null,
    firstByteMs: event.data.first_byte_ms,
    durationMs,
  }
  ports.tell(llm, {
    type: 'settle',
    key: running.key,
    cost,
    counted: true,
    cut: false,
    at: event.at,
    sample,
  })
  if (limits.length > 0)
    ports.tell(llm, { type: 'report', limits, sentAt: event.at - durationMs, at: event.at })
  ports.decide('request.completed', pending.id, event.llm, {
    attempts: pending.attempts,
    input_tokens: cost.inputTokens,
    output_tokens: cost.outputTokens,
    estimated: usage === null,
    cost_nano_usd: nanoUsd(priceOf(ports.views[llm]!.spec, cost)),
    wait_ms: running.waitMs,
    duration_ms: event.at - pending.at,
  })
  assign(state, ports, event.at, llm)
}

export function attemptFailed(state: Dispatcher, ports: Ports, event: EventOf<'attempt.failed'>): void {
  const running = end(state, event.request!)
  if (running === null) return
  const { at, data } = event
  const { pending, llm } = running
  const booked = mayHaveBooked(data) ? running.cost : { inputTokens: 0, outputTokens: 0 }
  ports.tell(llm, {
    type: 'settle',
    key: running.key,
    cost: booked,
    counted: mayHaveCounted(data),
    cut: isCut(data),
    at,
    sample: null,
  })
  const sentAt = at - data.duration_ms
  if (data.limits.length > 0) ports.tell(llm, { type: 'report', limits: data.limits, sentAt, at })
  ports.tell(llm, { type: 'fail', failure: data, startedAt: sentAt, at })
  if (!isCapacity(data)) pending.excluded = new Set([...pending.excluded, llm])
  if (mayRetry(state, ports, pending, data)) retry(state, ports, pending, data, at)
  else fail(ports, running, data)
  if (ports.views[llm]!.status === 'disabled') rejectStranded(state, ports)
  notice(state, ports)
  assign(state, ports, at, llm)
}

/** Refuses at once what waits for LLMs that are all disabled by now, instead of letting it wait for nothing. */
function rejectStranded(state: Dispatcher, ports: Ports): void {
  for (const pending of state.queue.byId.values()) {
    const views = candidatesOf(pending, ports).map((i) => ports.views[i]!)
    if (views.some(({ status }) => status !== 'disabled')) continue
    dequeue(state.queue, pending)
    const reasons = views.map(({ spec, because }) => ({ llm: spec.name, because }))
    reject(ports, pending.id, refusal.noneEnabled(reasons))
  }
}

function mayRetry(
  state: Dispatcher,
  ports: Ports,
  pending: Pending,
  failure: EventOf<'attempt.failed'>['data'],
): boolean {
  if (state.draining || failure.delivered || !isRetryable(failure)) return false
  if (pending.excluded.size >= state.policy.maxAttempts) return false
  return candidatesOf(pending, ports).some((i) => ports.views[i]!.status !== 'disabled')
}

/**
 * At once to another LLM that has room, else back to the queue, before those that never ran. A deadline bounds the
 * waiting, not the calls: a request whose call outlasted it is not refused while it need not wait, as long as it has
 * attempts left.
 */
function retry(state: Dispatcher, ports: Ports, pending: Pending, failure: Failure, at: number): void {
  const { class: because, message } = failure
  ports.decide('request.retried', pending.id, null, {
    attempt: pending.attempts,
    because,
    message,
  })
  const mayStart = at <= pending.deadline || pending.attempts < state.policy.maxAttempts
  if (mayStart && startElsewhere(state, ports, pending, at)) return
  enqueue(state.queue, pending, null)
  const round = createRound(state, ports, at)
  addToPlan(round, pending, null)
  if (!isLong(state)) tellOfNewcomer(round, pending)
  pending.waitingFor = waitOf(ports, pending, at).waitingFor
}

function fail(ports: Ports, running: Running, failure: EventOf<'attempt.failed'>['data']): void {
  const { pending, llm } = running
  const { spec } = ports.views[llm]!
  const { status, code, message } = refusal.failed(failure, spec.name, pending.attempts)
  const spent = failure.delivered ? nanoUsd(priceOf(spec, running.cost)) : 0
  ports.decide('request.failed', pending.id, spec.name, {
    attempts: pending.attempts,
    status,
    code,
    message,
    cost_nano_usd: spent,
    wait_ms: running.waitMs,
  })
}

/** The client is gone. What it used is unknown, so the whole reservation is charged. */
export function abandon(state: Dispatcher, ports: Ports, event: EventOf<'request.abandoned'>): void {
  const running = end(state, event.request!)
  if (running !== null) {
    const { llm, key, cost } = running
    ports.tell(llm, {
      type: 'settle',
      key,
      cost,
      counted: true,
      cut: true,
      at: event.at,
      sample: null,
    })
  } else {
    const pending = state.queue.byId.get(event.request!)
    if (pending !== undefined) dequeue(state.queue, pending)
  }
  assign(state, ports, event.at, running?.llm ?? null)
}

/** Ends what still runs when the time to drain is over. */
export function cut(state: Dispatcher, ports: Ports, at: number): void {
  for (const { pending, llm, key, cost, waitMs } of state.running.values()) {
    ports.tell(llm, { type: 'settle', key, cost, counted: true, cut: true, at, sample: null })
    const { spec } = ports.views[llm]!
    ports.decide('request.failed', pending.id, spec.name, {
      attempts: pending.attempts,
      status: 503,
      code: 'shutting_down',
      message: 'The load balancer was shut down before the answer was complete.',
      cost_nano_usd: nanoUsd(priceOf(spec, cost)),
      wait_ms: waitMs,
    })
  }
  state.running.clear()
}

function end(state: Dispatcher, id: string): Running | null {
  const running = state.running.get(id)
  if (running === undefined) return null
  state.running.delete(id)
  return running
}

function nanoUsd(picoUsd: number): number {
  return Math.ceil(picoUsd / 1000)
}
