import type { Account } from '../account.ts'
import { createEntries, type Entries } from '../entries.ts'
import { isOfWindow, type LimitLesson } from '../../events.ts'
import { type Ledger, postForeign } from '../ledger.ts'
import type { Limit } from '../../types.ts'
import { dropHidden, hide } from './hidden.ts'
import { applyToWindow, setLimit } from './in-force.ts'
import type { KeptAs } from './kept-as.ts'
import type { Evidence } from './kinds.ts'

/** What is known of a limit beyond what is declared. Changed in place, by the lessons alone. */
export interface Learned {
  readonly declared: Limit
  /** The lengths of hidden windows that were tried, in ms. */
  readonly tried: number[]
  /** What refusals allow, and what the provider's headers say; the declared amount where they say nothing. */
  level: number
  reported: number
  /** What headers said before it turned out to be about another time, which is kept beside; null otherwise. */
  beside: number | null
  /** What headers said last that is not believed yet, and how often in a row. */
  readonly told: { amount: number; times: number }
  /** When the last lesson from a refusal was taken. */
  refusedAt: number
  /** When the window began in which it was last lowered for refusals, and the amount in force then. */
  lowered: { readonly at: number; readonly from: number }
  /** Calls that were refused, as long as the ledger counts them too. */
  readonly refusals: Entries
  /** Since when nothing was refused, and the most that was used since. */
  cleanSince: number
  peak: number
  /** Raises in a row. */
  raises: number
  /** What headers have shown of how it is counted; null as long as nothing was, and after a refusal. */
  evidence: Evidence | null
  /** The kind of window that was learned; null while it is kept as declared. */
  keptAs: KeptAs | null
  /** How often a kind that was learned was not true, and more if a refusal showed it. */
  doubts: number
  /** When the last lesson was taken; null as long as none was. */
  taughtAt: number | null
}

/** An instant before all others. */
export const NEVER = Number.NEGATIVE_INFINITY

/** What was learned of a limit; nothing yet when it is asked for the first time. */
export function learnedOf(ledger: Ledger, now: number): Learned {
  const { limit } = ledger
  ledger.learned ??= {
    declared: limit,
    tried: [],
    level: limit.amount,
    reported: limit.amount,
    beside: null,
    told: { amount: 0, times: 0 },
    refusedAt: NEVER,
    lowered: { at: NEVER, from: limit.amount },
    refusals: createEntries(),
    cleanSince: now,
    peak: 0,
    raises: 0,
    evidence: null,
    keptAs: null,
    doubts: 0,
    taughtAt: null,
  }
  return ledger.learned
}

/** What is declared of a limit, whatever is in force. */
export function declaredOf({ learned, limit }: Ledger): Limit {
  return learned?.declared ?? limit
}

/** A lesson on a limit that has yet to say what is in force. */
export function lessonOn(ledger: Ledger, cause: LimitLesson['cause']): LimitLesson {
  const { name, amount: declared } = declaredOf(ledger)
  return { limit: name, cause, because: '', declared, in_force: null, amount: null, until: null }
}

/**
 * Takes a lesson in: books what others used, changes the amount in force or adds a hidden window. The same for a
 * lesson that was just learned and for one out of the log, so that both lead to the same limits. A lesson about a
 * limit that is declared otherwise by now says nothing.
 */
export function applyLesson(account: Account, lesson: LimitLesson, at: number): void {
  const { ledgers } = account
  const ledger = ledgers.find(({ limit, hidden }) => limit.name === lesson.limit && !hidden)
  if (ledger === undefined) return
  const { amount, until, cause, in_force: inForce } = lesson
  if (cause === 'remaining' || inForce == null) {
    if (amount !== null && until !== null) postForeign(ledger, amount, until, at)
    return
  }
  if (lesson.declared !== declaredOf(ledger).amount) return
  const learned = learnedOf(ledger, at)
  learned.taughtAt = at
  if (isOfWindow(cause)) return applyToWindow({ account, ledger, learned }, lesson, at)
  Object.assign(learned, { cleanSince: at, peak: 0 })
  if (cause === 'hidden_window') return hide(account, learned, inForce, at)
  if (cause === 'refused') {
    dropHidden(account, learned)
    Object.assign(learned, { reported: learned.beside ?? learned.reported, beside: null })
  }
  if (cause === 'limit_header') learned.reported = inForce.amount
  else if (cause === 'clean_window') {
    learned.level = inForce.amount
    learned.raises++
  } else {
    if (at - learned.lowered.at >= ledger.limit.perMs) learned.lowered = { at, from: ledger.limit.amount }
    Object.assign(learned, { level: inForce.amount, refusedAt: at, raises: 0 })
  }
  setLimit(ledger, learned, at)
}
