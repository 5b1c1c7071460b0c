import type { Candidate, EventOf } from '../../core/events.ts'
import { boundsOf, needsOf, pendingOf } from '../../core/dispatcher.ts'
import type { Policy } from '../../core/dispatch-state.ts'
import { type Outlook, outlooksOf, NOBODY } from '../../core/forecast/forecast.ts'
import {
  costOn,
  type LlmView,
  type Offer,
  offersOf,
  priceOf,
  scoreOf,
  speedOf,
  unfitness,
} from '../../core/matching/choose.ts'
import { candidatesOf } from '../../core/matching/round.ts'
import { type Bounds, NO_BOUNDS, outOfBounds, stricter } from '../../core/needs/bounds.ts'
import { EXACT, scaled } from '../../core/needs/estimate.ts'
import { type Named, resolveModel } from '../../core/needs/names.ts'
import type { Pending } from '../../core/queue/queue.ts'
import { PRIORITIES, type Weights } from '../../core/types.ts'
import { limitAt } from './limit.ts'
import type { CandidateAt, ScoreAt } from './explanation.ts'

type Received = EventOf<'request.received'>

/** A request as the dispatcher takes it in, and what its name leads to. */
export interface Considered {
  readonly event: Received
  readonly named: Named | null
  readonly bounds: Bounds
  readonly weights: Weights
  /** Why each LLM can never take it, by their order; null for one that can. */
  readonly never: readonly (string | null)[]
  readonly pending: Pending
}

/** What the dispatcher makes of a request before it looks at states and limits. */
export function consider(event: Received, views: readonly LlmView[], policy: Policy): Considered {
  const named = resolveModel(event.data.model, policy.specs, policy.rules)
  const bounds = stricter(boundsOf(event), named?.bounds ?? NO_BOUNDS)
  const needs = needsOf(event.data)
  const never = views.map((view, i) => {
    if (named === null) return `nothing has the name "${event.data.model}"`
    if (!named.llms.includes(i)) return `"${event.data.model}" does not lead to it`
    return unfitness(view, needs) ?? outOfBounds(view, needs, bounds)
  })
  const weights = named?.weights ?? policy.weights
  const eligible = [...views.keys()].filter((i) => never[i] === null)
  const pending = pendingOf(event, weights, eligible, policy)
  return { event, named, bounds, weights: pending.weights, never, pending }
}

/** At which place it is looked at, and what was known of the request by then. */
export interface Look {
  readonly at: number
  /** Why LLMs were left out that failed this request, by their name. */
  readonly failed: ReadonlyMap<string, string>
  /** What the log has of the candidates. */
  readonly noted: readonly Candidate[]
}

/** Every LLM of the configuration as it was for this request at one instant. */
export function candidatesAt(
  views: readonly LlmView[],
  { event, never, pending: fresh }: Considered,
  { at, failed, noted }: Look,
): CandidateAt[] {
  const excluded = new Set([...views.keys()].filter((i) => failed.has(views[i]!.spec.name)))
  const pending = { ...fresh, excluded }
  const among = candidatesOf(pending, { views })
  const rank = rankAt(pending, at)
  const offers = offersOf(views, among, pending)
  const outlooks = outlooksOf(views, offers, { ...pending, priority: PRIORITIES[rank]! }, at, () => NOBODY)
  const sized = needsOf(event.data)
  return views.map((view, i) => {
    const { spec, skill, account } = view
    const cost = costOn(view, sized)
    const outlook = outlooks.find(({ offer }) => offer.llm === i) ?? null
    const impossible = never[i] ?? failed.get(spec.name) ?? null
    const limits = account.ledgers.map((ledger) => limitAt(ledger, cost, at, rank))
    const open = view.status === 'available' || view.status === 'exhausted'
    const blocked = limits.filter(({ fits }) => !fits)
    return {
      llm: spec.name,
      status: open ? (blocked.length === 0 ? 'available' : 'exhausted') : view.status,
      because: open ? null : view.because,
      until: open || !Number.isFinite(view.wakeAt) ? null : view.wakeAt,
      never: impossible,
      aside: impossible === null && outlook === null ? asideOf(view) : null,
      reserve: { input_tokens: cost.inputTokens, output_tokens: cost.outputTokens },
      cost_nano_usd: Math.ceil(priceOf(spec, cost) / 1000),
      context: {
        tokens: scaled(sized.inputTokens, Math.min(skill.factor, EXACT)) + (sized.outputTokens ?? 0),
        length: spec.contextLength,
      },
      limits,
      starts_at: outlook === null || !Number.isFinite(outlook.at) ? null : outlook.at,
      waits_for: outlook?.because ?? null,
      score: impossible !== null || outlook === null ? null : scoreAt(outlook, pending, at),
      noted: noted.find(({ llm }) => llm === spec.name) ?? null,
    }
  })
}

function asideOf({ status, because }: LlmView): string {
  if (status === 'disabled') return `it is disabled (${because})`
  if (status === 'cooling') return 'it cannot be reached, others can'
  return 'it is simulated, and a real one can be reached'
}

function scoreAt(outlook: Outlook, pending: Pending, now: number): ScoreAt {
  const { offer, at, score } = outlook
  return {
    ...partsOf(offer),
    now: rounded(scoreOf(offer, pending, now, now)),
    after_wait: Number.isFinite(at) && Number.isFinite(score) ? rounded(score) : null,
  }
}

function partsOf(offer: Offer): Pick<ScoreAt, 'cost' | 'quality' | 'speed'> {
  return { cost: rounded(offer.costPart), quality: offer.qualityPart, speed: rounded(speedOf(offer, 0)) }
}

/** To thousandths; never -0, which JSON does not know. */
function rounded(part: number): number {
  return Math.round(part * 1000) / 1000 + 0
}

/** The band it had aged into: it moves up after half of its longest wait, then after half of the rest. */
function rankAt({ at: came, deadline, priority }: Pending, now: number): number {
  let rank = PRIORITIES.indexOf(priority)
  for (let left = deadline - came; rank > 0 && now >= deadline - left / 2; rank--) left /= 2
  return rank
}
