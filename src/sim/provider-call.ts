import type { Failure, LimitReport, Usage } from '../core/events.ts'
import { drawFrom } from './draw.ts'
import * as faults from './faults.ts'
import type { Site } from './provider.ts'
import type { CallTokens, Ticket } from './quota.ts'

/** What comes back from a provider, as it arrives at the balancer. */
export type Answer =
  | { readonly kind: 'head'; readonly limits: LimitReport[] }
  /** A stream has said its last word for now; the balancer begins to count the silence. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'finished'; readonly limits: LimitReport[]; readonly usage: Usage | null }
  | {
      readonly kind: 'failed'
      readonly failure: Failure
      readonly delivered: boolean
      readonly limits: LimitReport[]
    }

export interface Outgoing {
  readonly tokens: CallTokens
  readonly stream: boolean
}

/** One call, from its departure to the last that is heard of it. */
interface Call extends Outgoing {
  hear(answer: Answer): void
  ticket: Ticket | null
  /** What the provider does next. */
  timer: unknown
  arrived: boolean
  /** The balancer has hung up. */
  gone: boolean
  /** When the last part of the answer is heard. */
  heardAt: number
}

/** Slices in which an answer is produced, where a limit counts it while it is. */
const SLICES = 4

/** Sends a call; `hear` is told what comes back. The function returned hangs up. */
export function send(site: Site, outgoing: Outgoing, hear: (answer: Answer) => void): () => void {
  const { clock, start, random, periods } = site
  const call: Call = {
    ...outgoing,
    hear,
    ticket: null,
    timer: undefined,
    arrived: false,
    gone: false,
    heardAt: 0,
  }
  const unreachable = periods.filter(({ fault }) => fault === 'refused')
  if (faults.faultAt(unreachable, clock.now() - start, random) !== null)
    fail(site, call, faults.connectionFailure('ECONNREFUSED'))
  else clock.setTimeout(() => arrive(site, call), travelMs(site))
  return () => hangUp(site, call)
}

/**
 * Hint: the end of a connection is noticed after the shortest travel time, so before anything that is sent later
 * arrives. A call that is still on its way then arrives all the same, and is counted.
 */
function hangUp(site: Site, call: Call): void {
  if (call.gone) return
  call.gone = true
  site.clock.setTimeout(() => {
    site.clock.clearTimeout(call.timer)
    if (call.arrived) close(site, call)
  }, site.spec.network.leastMs)
}

function arrive(site: Site, call: Call): void {
  const { clock, quota, spec, random } = site
  const at = clock.now()
  call.arrived = true
  site.catchUp?.(at)
  const fault = faults.faultAt(site.periods, at - site.start, random)
  if (fault === 'unauthorized' || fault === 'overloaded_503' || fault === 'overloaded_529')
    return fail(site, call, faults.statusFailure(fault, spec.hint, at))
  const admission = quota.admit(call.tokens, at)
  if (admission.kind === 'admitted') {
    call.ticket = admission.ticket
    if (call.gone) return close(site, call)
    if (fault === 'hang') return
    later(site, call, drawFrom(spec.latencyMs, random), () => begin(site, call, fault))
    return
  }
  if (call.gone) return
  if (admission.kind === 'too_large') return fail(site, call, faults.tooLarge(admission.limit, at))
  const { limit, fitsAt } = admission
  site.refusals.set(limit.name, (site.refusals.get(limit.name) ?? 0) + 1)
  if (spec.countsRefused) quota.countRefused(at)
  fail(site, call, faults.rateLimited(limit, fitsAt - at, spec.hint, at), { limits: limitsNow(site) })
}

/** The provider has begun to answer, or fails to. */
function begin(site: Site, call: Call, fault: faults.Fault | null): void {
  if (fault === 'reset_before') return fail(site, call, faults.connectionFailure('ECONNRESET'))
  if (fault === 'error_500')
    return fail(site, call, faults.statusFailure(fault, site.spec.hint, site.clock.now()))
  if (call.stream) say(site, call, { kind: 'head', limits: limitsNow(site) })
  const breaks = fault === 'reset_after' || fault === 'stall'
  const output = breaks ? Math.floor(call.tokens.output / 2) : call.tokens.output
  const sliced = site.spec.limits.some(({ charge }) => charge === 'actual_as_produced')
  produce(site, call, output, sliced ? SLICES : 1, () => {
    if (fault === 'stall') return call.stream ? say(site, call, { kind: 'silent' }) : undefined
    if (breaks) return fail(site, call, faults.connectionFailure('ECONNRESET'), { delivered: call.stream })
    finish(site, call)
  })
}

function produce(site: Site, call: Call, left: number, slices: number, done: () => void): void {
  const slice = Math.ceil(left / slices)
  later(site, call, Math.ceil((slice * 1000) / site.spec.tokensPerSecond), () => {
    site.catchUp?.(site.clock.now())
    if (call.ticket !== null) site.quota.produce(call.ticket, slice, site.clock.now())
    if (slices > 1) produce(site, call, left - slice, slices - 1, done)
    else done()
  })
}

function finish(site: Site, call: Call): void {
  close(site, call)
  const { input, cached, output } = call.tokens
  const usage = { input_tokens: input, output_tokens: output, cached_tokens: cached }
  const limits = call.stream ? [] : limitsNow(site)
  say(site, call, { kind: 'finished', limits, usage: site.spec.reportsUsage ? usage : null })
}

function fail(
  site: Site,
  call: Call,
  failure: Failure,
  { delivered = false, limits = [] }: { delivered?: boolean; limits?: LimitReport[] } = {},
): void {
  close(site, call)
  say(site, call, { kind: 'failed', failure, delivered, limits })
}

function close({ quota, clock, catchUp }: Site, call: Call): void {
  catchUp?.(clock.now())
  if (call.ticket !== null) quota.end(call.ticket, clock.now())
  call.ticket = null
}

/** Sends a part of the answer on its way; what is sent later on a connection never overtakes. */
function say(site: Site, call: Call, answer: Answer): void {
  const now = site.clock.now()
  call.heardAt = Math.max(call.heardAt, now + travelMs(site))
  site.clock.setTimeout(() => {
    if (!call.gone) call.hear(answer)
  }, call.heardAt - now)
}

function later({ clock }: Site, call: Call, ms: number, next: () => void): void {
  call.timer = clock.setTimeout(next, ms)
}

function travelMs({ spec, random }: Site): number {
  const { leastMs, jitterMs } = spec.network
  return jitterMs === 0 ? leastMs : leastMs + random.integer(jitterMs + 1)
}

function limitsNow({ speaker, quota, clock, catchUp }: Site): LimitReport[] {
  const at = clock.now()
  catchUp?.(at)
  return speaker(() => quota.reports(at), at)
}
