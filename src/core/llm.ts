import { type Account, blockOf, fits, reserveAll, settleCall } from './limits/account.ts'
import { LEAST_WANTED, type Wanted } from './matching/choose.ts'
import { reactionTo } from './cooling.ts'
import type { LlmMessage } from './dispatch-state.ts'
import type { DecisionData, Failure, FailureClass, LimitLesson } from './events.ts'
import { learnKinds, trustKinds } from './limits/learning/kinds.ts'
import { learnFromAnswer } from './limits/learning/raises.ts'
import { learnFromRefusal } from './limits/learning/refusals.ts'
import { learnFromReports } from './limits/learning/reports.ts'
import { initialSkill, learned, type Skill } from './needs/skill.ts'
import type { LlmSpec } from './types.ts'

export type LlmStatus = 'available' | 'exhausted' | 'cooling' | 'disabled'

/** One LLM: what it is, what it has left, what it can do and what state it is in. */
export interface Llm {
  readonly spec: LlmSpec
  /** Changed in place, by `step` alone. */
  readonly account: Account
  readonly skill: Skill
  readonly status: LlmStatus
  /** Since when it has this status. */
  readonly since: number
  /** When its refill or cooling timer is to fire; Infinity when none is armed. */
  readonly wakeAt: number
  /** The least that is wanted of it; `exhausted` means that this does not fit. */
  readonly wanted: Wanted
  /** Why it is not available, for people; null when it is. */
  readonly because: string | null
  readonly cause: FailureClass | null
  /** Failures in a row. */
  readonly streak: number
}

export type LlmDecision = {
  [T in 'llm.available' | 'llm.exhausted' | 'llm.cooling' | 'llm.disabled' | 'llm.limit_learned']: {
    type: T
    data: DecisionData[T]
  }
}['llm.available' | 'llm.exhausted' | 'llm.cooling' | 'llm.disabled' | 'llm.limit_learned']

export type Wake = { type: 'wake'; at: number }
type Decide = (decision: LlmDecision) => void

/** An LLM at its start; `disabled` says why it cannot be used, null when it can. */
export function createLlm(
  spec: LlmSpec,
  account: Account,
  skill: Skill | null,
  disabled: string | null,
  at: number,
): Llm {
  return {
    spec,
    account,
    skill: skill ?? initialSkill(spec),
    status: disabled === null ? 'available' : 'disabled',
    since: at,
    wakeAt: Number.POSITIVE_INFINITY,
    wanted: LEAST_WANTED,
    because: disabled,
    cause: null,
    streak: 0,
  }
}

/** The LLM after a message. Its decisions go to `decide`, in order. */
export function step(llm: Llm, message: LlmMessage | Wake, decide: Decide): Llm {
  const { account } = llm
  const { at } = message
  switch (message.type) {
    case 'reserve':
      reserveAll(account, message.key, message.cost, at)
      return refreshed(llm, at, decide)
    case 'settle': {
      settleCall(account, message.key, message, at)
      if (message.sample === null) return refreshed(llm, at, decide)
      const next = { ...llm, skill: learned(llm.skill, message.sample), streak: 0 }
      trustKinds(account, at)
      return refreshed(told(next, learnFromAnswer(account, at), decide), at, decide)
    }
    case 'report': {
      const kinds = learnKinds(account, message)
      const lessons = [...kinds, ...learnFromReports(account, message.limits, at)]
      return refreshed(told(llm, lessons, decide), at, decide)
    }
    case 'refresh':
      return refreshed(llm, at, decide)
    case 'full':
      return refreshed({ ...llm, wanted: message.wanted }, at, decide)
    case 'fail':
      return failed(told(llm, learnFromRefusal(account, message), decide), message.failure, at, decide)
    case 'wake':
      return refreshed(llm.status === 'cooling' ? available(llm, at, decide) : llm, at, decide)
  }
}

/** Tells what was learned. What was wanted of the LLM may be more than its limits hold now. */
function told(llm: Llm, lessons: readonly LimitLesson[], decide: Decide): Llm {
  for (const data of lessons) decide({ type: 'llm.limit_learned', data })
  return lessons.some(({ in_force: inForce }) => inForce !== null) ? { ...llm, wanted: LEAST_WANTED } : llm
}

/** Moves between `available` and `exhausted` as the ledgers say; other states are left alone. */
function refreshed(llm: Llm, at: number, decide: Decide): Llm {
  if (llm.status === 'cooling' || llm.status === 'disabled') return llm
  const { account, wanted } = llm
  if (fits(account, wanted, at, wanted.rank))
    return llm.status === 'exhausted' ? available(llm, at, decide) : llm
  const block = blockOf(account, wanted, at, wanted.rank)!
  if (llm.status === 'exhausted') return llm.wakeAt === block.until ? llm : { ...llm, wakeAt: block.until }
  const until = Number.isFinite(block.until) ? block.until : null
  decide({ type: 'llm.exhausted', data: { limit: block.limit, until } })
  return { ...llm, status: 'exhausted', since: at, wakeAt: block.until, because: `${block.limit} is used up` }
}

function available(llm: Llm, at: number, decide: Decide): Llm {
  const after = llm.status === 'cooling' ? 'cooling' : 'exhausted'
  decide({ type: 'llm.available', data: { after, ms: at - llm.since } })
  return {
    ...llm,
    status: 'available',
    since: at,
    wakeAt: Number.POSITIVE_INFINITY,
    wanted: LEAST_WANTED,
    because: null,
    cause: null,
  }
}

function failed(llm: Llm, failure: Failure, at: number, decide: Decide): Llm {
  if (llm.status === 'disabled') return llm
  const reaction = reactionTo(failure, llm.streak)
  const next = { ...llm, streak: llm.streak + 1 }
  if (reaction.kind === 'none') return refreshed(next, at, decide)
  const { class: cause, message } = failure
  if (reaction.kind === 'disable') {
    const because = `the provider rejected its key: ${message}`
    decide({ type: 'llm.disabled', data: { because } })
    return { ...next, status: 'disabled', since: at, wakeAt: Number.POSITIVE_INFINITY, because, cause }
  }
  const until = at + reaction.ms
  if (llm.status === 'cooling' && llm.wakeAt >= until) return llm
  decide({ type: 'llm.cooling', data: { because: cause, message, until } })
  return { ...next, status: 'cooling', since: at, wakeAt: until, because: message, cause }
}
