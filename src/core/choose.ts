import { type Account, amountOf, blockOf, type Cost, fits, tooSmall } from './account.ts'
import type { Needs } from './estimate.ts'
import { EXACT, scaled } from './estimate.ts'
import type { Candidate } from './events.ts'
import type { Skill } from './skill.ts'
import type { LlmSpec, Weights } from './types.ts'

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
  /** What was measured of it. */
  readonly skill: Skill
}

type Sized = Pick<Needs, 'inputTokens' | 'outputTokens' | 'choices'>

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
  return `${limit.name} ${limit.amount} is below the ${amountOf(limit.unit, cost)} it needs`
}

/**
 * What to set aside for a request on an LLM. An answer without a bound is taken to be as long as this LLM's
 * answers usually are, as far as its context leaves room. No limit is asked for more than all of it, so that what
 * was not refused on arrival can always run.
 */
export function costOn({ spec, skill }: Pick<LlmView, 'spec' | 'skill'>, needs: Sized): Cost {
  let inputTokens = scaled(needs.inputTokens, skill.factor) + skill.overheadTokens
  for (const { unit, amount } of spec.limits) {
    if (unit === 'tokens' || unit === 'input_tokens') inputTokens = Math.min(inputTokens, amount)
  }
  const expected = Math.min(skill.expectedOutput * needs.choices, spec.contextLength - inputTokens)
  let outputTokens = needs.outputTokens ?? Math.max(0, expected)
  for (const { unit, amount } of spec.limits) {
    if (unit === 'tokens') outputTokens = Math.min(outputTokens, amount - inputTokens)
    if (unit === 'output_tokens') outputTokens = Math.min(outputTokens, amount)
  }
  return { inputTokens, outputTokens }
}

/** Price of a call in pico-USD. */
export function priceOf(spec: LlmSpec, cost: Cost): number {
  return cost.inputTokens * spec.inputPicoUsd + cost.outputTokens * spec.outputPicoUsd
}

/** Whether requests may be put to it as far as its state goes; its limits are asked separately. */
export function isOpen(view: LlmView): boolean {
  return view.status === 'available' || view.status === 'exhausted'
}

export interface Choice {
  /** Index of the LLM to use, null when none has room now. */
  readonly best: number | null
  readonly cost: Cost | null
  /** Everyone that was looked at, in the order of the configuration. */
  readonly candidates: Candidate[]
}

/**
 * The LLM with the best score among `among` that has room now; the earlier in the configuration wins a tie.
 *
 * score = (w_cost * cost + w_quality * quality + w_speed * speed) / sum of weights, each part from 0 to 1: cost is
 * 1 for free and 0 for the dearest of `among`; quality as configured; speed is 1 for the fastest of `among`, by
 * measured time to first byte and tokens per second.
 */
export function choose(
  views: readonly LlmView[],
  among: readonly number[],
  needs: Sized,
  weights: Weights,
  now: number,
): Choice {
  const offers = among.map((i) => offerOf(i, views[i]!, needs))
  const dearest = offers.reduce((most, offer) => Math.max(most, offer.price), 0)
  const fastest = offers.reduce((least, offer) => Math.min(least, offer.timeMs), Number.POSITIVE_INFINITY)
  const total = weights.cost + weights.quality + weights.speed
  const candidates: Candidate[] = []
  let best: Offer | null = null
  let bestScore = -1
  for (const offer of offers) {
    const excluded = exclusionOf(offer, now)
    if (excluded !== null) {
      candidates.push({ llm: offer.view.spec.name, excluded })
      continue
    }
    const cost = dearest === 0 ? 1 : 1 - offer.price / dearest
    const quality = offer.view.spec.quality / 1000
    const speed = offer.timeMs === 0 ? 1 : fastest / offer.timeMs
    const score = (weights.cost * cost + weights.quality * quality + weights.speed * speed) / total
    candidates.push({
      llm: offer.view.spec.name,
      score: round(score),
      cost: round(cost),
      quality,
      speed: round(speed),
    })
    if (score > bestScore) {
      best = offer
      bestScore = score
    }
  }
  return { best: best?.index ?? null, cost: best?.cost ?? null, candidates }
}

interface Offer {
  readonly index: number
  readonly view: LlmView
  readonly cost: Cost
  readonly price: number
  readonly timeMs: number
}

function offerOf(index: number, view: LlmView, needs: Sized): Offer {
  const cost = costOn(view, needs)
  const timeMs = view.skill.firstByteMs + (cost.outputTokens * 1000) / view.skill.tokensPerSecond
  return { index, view, cost, price: priceOf(view.spec, cost), timeMs }
}

function exclusionOf({ view, cost }: Offer, now: number): string | null {
  if (!isOpen(view)) return view.because === null ? view.status : `${view.status}: ${view.because}`
  if (fits(view.account, cost, now)) return null
  const block = blockOf(view.account, cost, now)!
  return Number.isFinite(block.until)
    ? `${block.limit} has no room for ${block.until - now} ms`
    : `${block.limit} has no room`
}

function round(part: number): number {
  return Math.round(part * 1000) / 1000
}
