import { type Account, amountOf, type Cost, LEAST, tooSmall } from '../limits/account.ts'
import type { Needs } from '../needs/estimate.ts'
import { EXACT, scaled } from '../needs/estimate.ts'
import { type Asked, outputOn } from '../needs/outputs.ts'
import type { Skill } from '../needs/skill.ts'
import { capacityOf, type LlmSpec, type Weights } from '../types.ts'

/** What a request of this rank asks for. */
export interface Wanted extends Cost {
  readonly rank: number
}

/** The least that any request can ask for. */
export const LEAST_WANTED: Wanted = { ...LEAST, rank: 0 }

/** One LLM as the dispatcher sees it: what it is, what it has left and how fast it has been. */
export interface LlmView {
  readonly spec: LlmSpec
  readonly account: Account
  readonly status: 'available' | 'exhausted' | 'cooling' | 'disabled'
  /** Why it is cooling or disabled, for people. */
  readonly because: string | null
  /** False while its provider cannot be reached at all, or it is disabled. */
  readonly reachable: boolean
  /** When its refill or cooling timer fires, in ms since 1970; Infinity when none is armed. */
  readonly wakeAt: number
  /** The least that is wanted of it; `exhausted` means that this does not fit. */
  readonly wanted: Wanted
  /** What was measured of it. */
  readonly skill: Skill
}

type Sized = Pick<Needs, 'inputTokens'> & Asked

/**
 * Why this LLM can never take the request, whatever its state; null when it can. Judged by the least the request can
 * cost: what was learned of a provider that counts more than the estimate sizes reservations, but refuses nobody.
 */
export function unfitness(
  { spec, skill }: Pick<LlmView, 'spec' | 'skill'>,
  needs: Sized & Pick<Needs, 'modes'>,
): string | null {
  const missing = needs.modes.find((mode) => !spec.modes.includes(mode))
  if (missing !== undefined) return `does not take ${missing}`
  const inputTokens = scaled(needs.inputTokens, Math.min(skill.factor, EXACT))
  const cost = { inputTokens, outputTokens: needs.outputTokens ?? 0 }
  const total = cost.inputTokens + cost.outputTokens
  if (total > spec.contextLength)
    return `context_length ${spec.contextLength} is below the ${total} tokens it needs`
  const limit = tooSmall(spec.limits, cost)
  if (limit === null) return null
  return `${limit.name} ${capacityOf(limit)} is below the ${amountOf(limit.unit, cost)} it needs`
}

/**
 * What to set aside for a request on an LLM. How much of the answer, `outputOn` says. No limit is asked for more
 * than is declared of it, so that what was not refused on arrival can always run.
 */
export function costOn(
  { spec, skill, account }: Pick<LlmView, 'spec' | 'skill' | 'account'>,
  needs: Sized,
): Cost {
  const { most } = account
  const inputTokens = Math.min(
    scaled(needs.inputTokens, skill.factor) + skill.overheadTokens,
    most.inputTokens,
  )
  const wanted = outputOn(spec, skill, needs, inputTokens)
  return { inputTokens, outputTokens: Math.min(wanted, most.outputTokens, most.tokens - inputTokens) }
}

/** Price of a call in pico-USD. */
export function priceOf(spec: LlmSpec, cost: Cost): number {
  return cost.inputTokens * spec.inputPicoUsd + cost.outputTokens * spec.outputPicoUsd
}

/** Whether requests may be put to it as far as its state goes; its limits are asked separately. */
export function isOpen({ status }: Pick<LlmView, 'status'>): boolean {
  return status === 'available' || status === 'exhausted'
}

/** An LLM for a request: what the request takes of it, and the parts of its score. */
export interface Offer {
  readonly llm: number
  readonly cost: Cost
  /** 1 for free, 0 for the dearest of the LLMs that were asked. */
  costPart: number
  /** 0 to 1, as configured. */
  readonly qualityPart: number
  /** Expected time from its start to its last token. */
  serveMs: number
  /** `serveMs` of the fastest of the LLMs that were asked. */
  fastestMs: number
}

/**
 * What each of `among` offers a request, whatever its state and room. In the order of `among`. An answer takes as many
 * tokens wherever it is written, so that the least that is expected of it counts for the speed of all.
 */
export function offersOf(views: readonly LlmView[], among: readonly number[], needs: Sized): Offer[] {
  const offers: Offer[] = []
  let length = Number.POSITIVE_INFINITY
  let dearest = 0
  for (const llm of among) {
    const { spec } = views[llm]!
    const cost = costOn(views[llm]!, needs)
    const costPart = priceOf(spec, cost)
    length = Math.min(length, cost.outputTokens)
    dearest = Math.max(dearest, costPart)
    offers.push({ llm, cost, costPart, qualityPart: spec.quality / 1000, serveMs: 0, fastestMs: 0 })
  }
  let fastestMs = Number.POSITIVE_INFINITY
  for (const offer of offers) {
    const { skill } = views[offer.llm]!
    offer.costPart = dearest === 0 ? 1 : 1 - offer.costPart / dearest
    offer.serveMs = Math.max(1, skill.firstByteMs + (length * 1000) / skill.tokensPerSecond)
    fastestMs = Math.min(fastestMs, offer.serveMs)
  }
  for (const offer of offers) offer.fastestMs = fastestMs
  return offers
}

/** What waiting as long as a request may is worth: half of all there is to gain by an LLM. */
const IMPATIENCE = 0.5

/** Scores nearer to each other than this are the same to a person; then the room decides. */
export const ALIKE = 0.02

/** How fast the answer comes: 1 for the fastest LLM at once, less for a slower one or after a wait. */
export function speedOf({ serveMs, fastestMs }: Offer, waitMs: number): number {
  return fastestMs / (waitMs + serveMs)
}

/** What a request wishes for, as far as a score depends on it. */
export interface Wishes {
  readonly weights: Weights
  /** When it came, and until when it may wait. */
  readonly at: number
  readonly deadline: number
}

/**
 * The score of an offer that has to be waited for until `start`, at most 1:
 *
 *     (w_cost * cost + w_quality * quality + w_speed * speed) / sum of weights - wait / (2 * longest wait)
 *
 * Speed counts waiting plus serving. Whatever the weights, waiting costs: a little better is not worth a long wait.
 * -Infinity when the request may not wait that long.
 */
export function scoreOf(offer: Offer, wishes: Wishes, now: number, start: number): number {
  if (start > wishes.deadline && start > now) return Number.NEGATIVE_INFINITY
  const { cost, quality, speed } = wishes.weights
  const waitMs = start - now
  const parts = cost * offer.costPart + quality * offer.qualityPart + speed * speedOf(offer, waitMs)
  const score = parts / (cost + quality + speed)
  return waitMs <= 0 ? score : score - (IMPATIENCE * waitMs) / (wishes.deadline - wishes.at)
}
