import { ALIKE, priceOf } from '../../core/matching/choose.ts'
import type { LlmSpec } from '../../core/types.ts'
import { seconds } from '../../log/narrate.ts'
import type { CandidateAt, DecisionAt, End, Instead, Raise, Tokens } from './explanation.ts'

/** What the figures take for granted, where so many waited before the request. */
export function assumptionsOf(before: number): string {
  const others = before === 0 ? '' : `, not even those that waited before it (${before})`
  return `Each figure is of the ledgers as they were when the request came, one LLM at a time, and assumes that nothing else changes: what was spent and held is the same, nobody else takes the room that a higher limit gives${others}, and as many tokens are used elsewhere.`
}

/** What is known of a request once it was looked at. */
export interface Known {
  readonly at: number
  readonly arrival: DecisionAt
  /** How many waited before it. */
  readonly before: number
  /** How long it waited for its first start; null when it never started. */
  readonly waitedMs: number | null
  readonly end: End | null
  readonly used: Tokens['used']
}

/** What each LLM would have meant for a request, those first where it could have started first. */
export function insteadOf(specs: readonly LlmSpec[], known: Known): Instead[] {
  const { candidates, llm: taken } = known.arrival
  const instead = candidates.map((candidate) => {
    const spec = specs.find(({ name }) => name === candidate.llm)!
    return one(candidate, spec, known)
  })
  const rank = ({ llm, starts_ms: ms }: Instead) => (llm === taken ? -1 : (ms ?? Number.POSITIVE_INFINITY))
  return instead.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)))
}

function one(candidate: CandidateAt, spec: LlmSpec, known: Known): Instead {
  const { llm, starts_at: startsAt, limits } = candidate
  const isFree = candidate.until === null && candidate.status !== 'disabled'
  const isPossible = candidate.never === null && candidate.aside === null
  const blocked = isFree && isPossible ? limits.filter(({ fits }) => !fits) : []
  const isRaisable = blocked.every(({ at_least: least }) => least !== null)
  const raise = isRaisable
    ? blocked.map(({ limit, amount, at_least: least }) => ({ limit, amount, at_least: least! }))
    : []
  const tokens = known.used && {
    inputTokens: known.used.input_tokens,
    outputTokens: known.used.output_tokens,
  }
  const cost = tokens === null ? candidate.cost_nano_usd : Math.ceil(priceOf(spec, tokens) / 1000)
  return {
    llm,
    starts_ms: startsAt === null ? null : startsAt - known.at,
    sooner_ms: known.waitedMs,
    raise,
    chosen: wouldBeChosen(candidate, known.arrival),
    cost_nano_usd: cost,
    text: textOf(candidate, raise, known),
  }
}

/** Whether going there at once is as good for the request as any other LLM, at once or after its wait. */
function wouldBeChosen({ llm, score }: CandidateAt, { candidates }: DecisionAt): boolean {
  if (score === null) return false
  return candidates.every((other) => {
    if (other.llm === llm || other.score === null) return true
    const isNow = other.status === 'available'
    const rival = isNow ? other.score.now : (other.score.after_wait ?? Number.NEGATIVE_INFINITY)
    return rival <= score.now + (isNow ? 0 : ALIKE)
  })
}

function textOf(candidate: CandidateAt, raise: readonly Raise[], known: Known): string {
  const { llm, never, aside, status, because, until } = candidate
  if (never !== null) return `${llm} could not take it: ${never}.`
  if (status === 'disabled') return `${llm} was disabled: ${because}.`
  if (until !== null)
    return `${llm} was to rest for ${seconds(Math.max(0, until - known.at))} more (${because}); no higher limit would have helped.`
  if (aside !== null) return `${llm} was left aside: ${aside}.`
  if (known.arrival.llm === llm) return `${llm} took it at once${passedText(candidate, known)}.`
  if (raise.length > 0) return raisedText(candidate, raise, known)
  const { score } = candidate
  if (status !== 'available') return `${llm} had no room, and no amount of its limits would have made any.`
  if (known.arrival.llm !== null) return `${llm} had room too${besideText(score?.now, known)}.`
  return `${llm} had room at once${waitedText(candidate, known)}.`
}

function raisedText(candidate: CandidateAt, raise: readonly Raise[], known: Known): string {
  const limits = raise
    .map(({ limit, amount, at_least: least }) => `${limit} been at least ${least} instead of ${amount}`)
    .join(' and its ')
  const isBest = wouldBeChosen(candidate, known.arrival)
  const would = isBest ? 'it would have started there at once' : 'it could have started there at once'
  const but = isBest ? '' : `, but another had the better score${lowerText(candidate.score?.now, known)}`
  return `Had ${candidate.llm}'s ${limits}, ${would}${laterText(known)}${but}.`
}

function laterText({ waitedMs, end, arrival }: Known): string {
  if (waitedMs === 0) return ` instead of at ${arrival.llm}`
  if (waitedMs !== null) return ` instead of ${seconds(waitedMs)} later`
  return end?.code === 'wait_expired' ? ' instead of waiting in vain' : ''
}

/** Why it did not wait for an LLM that was to have a better score, had nobody waited for that already. */
function passedText({ score }: CandidateAt, { arrival, before }: Known): string {
  const best = bestAfterWait(arrival)
  const after = best?.score?.after_wait ?? Number.NEGATIVE_INFINITY
  if (before === 0 || best?.llm === arrival.llm || after <= (score?.now ?? after)) return ''
  return `; ${best!.llm} would have scored ${after} after its wait, had nobody waited already (${before} did)`
}

/** Why it did not go to an LLM that had room when it came. */
function waitedText(candidate: CandidateAt, { arrival, before }: Known): string {
  if (wouldBeChosen(candidate, arrival)) return ', but others went first or it was planned with them'
  const best = bestAfterWait(arrival)
  if (best === null) return ''
  const others = before === 0 ? '' : ` (the ${before} before it not counted)`
  return `, but scored ${candidate.score?.now} against ${best.score?.after_wait} of ${best.llm} after its wait${others}`
}

function bestAfterWait({ candidates }: DecisionAt): CandidateAt | null {
  const scoreIn = (candidate: CandidateAt | null) => candidate?.score?.after_wait ?? Number.NEGATIVE_INFINITY
  return candidates.reduce<CandidateAt | null>(
    (most, other) => (scoreIn(other) > scoreIn(most) ? other : most),
    null,
  )
}

/** Why it went elsewhere though it had room here. Between scores that are about the same the room decides. */
function besideText(score: number | undefined, known: Known): string {
  const taken = takenScore(known)
  if (score === undefined || taken === undefined) return ''
  const how = score >= taken - ALIKE ? ', and about as good a score' : ', but not the best score'
  return `${how} (${score} against ${taken})`
}

function lowerText(score: number | undefined, known: Known): string {
  const taken = takenScore(known)
  return score === undefined || taken === undefined ? '' : ` (${score} against ${taken})`
}

function takenScore({ arrival }: Known): number | undefined {
  return arrival.candidates.find(({ llm }) => llm === arrival.llm)?.score?.now
}
