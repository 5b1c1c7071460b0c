import type { Account } from '../account.ts'
import { createEntries, type Entries } from '../entries.ts'
import type { LearnedWindow, LimitLesson } from '../events.ts'
import { createLedger, type Ledger, postForeign } from '../ledger.ts'
import { capacityOf, type Limit } from '../types.ts'
import { type KeptAs, keepAs, keepAsDeclared, limitKeptAs, MOST_DOUBTS, trustedLimit } from './kept-as.ts'
import type { Evidence } from './kinds.ts'

/** What is known of a limit beyond what is declared. Changed in place, by the lessons alone. */
export interface Learned {
  readonly declared: Limit
  /** The lengths of hidden windows that were tried, in ms. */
  readonly tried: number[]
  /** What refusals allow, and what the provider's headers say; the declared amount where they say nothing. */
  level: number
  reported: number
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
}

const NEVER = Number.NEGATIVE_INFINITY

/** What was learned of a limit; nothing yet when it is asked for the first time. */
export function learnedOf(ledger: Ledger, now: number): Learned {
  const { limit } = ledger
  ledger.learned ??= {
    declared: limit,
    tried: [],
    level: limit.amount,
    reported: limit.amount,
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
  if (isOfWindow(cause)) return applyToWindow(account, ledger, lesson, at)
  Object.assign(learned, { cleanSince: at, peak: 0 })
  if (cause === 'hidden_window') return hide(account, ledger, inForce, at)
  if (cause === 'refused') dropHidden(account, learned)
  if (cause === 'limit_header') learned.reported = inForce.amount
  else if (cause === 'clean_window') {
    learned.level = inForce.amount
    learned.raises++
  } else {
    if (at - learned.lowered.at >= ledger.limit.perMs) learned.lowered = { at, from: ledger.limit.amount }
    Object.assign(learned, { level: inForce.amount, refusedAt: at, raises: 0 })
  }
  setLimit(ledger, learned)
}

function setLimit(ledger: Ledger, learned: Learned): void {
  const { keptAs } = learned
  const limit = limitOf(learned)
  ledger.limit = keptAs === null ? limit : limitKeptAs(limit, keptAs)
  if (ledger.fallback !== null) ledger.fallback.limit = trustedLimit(limit, keptAs!)
}

function isOfWindow(cause: LimitLesson['cause']): boolean {
  return cause === 'window_header' || cause === 'window_contradicted' || cause === 'window_refused'
}

/** How a limit is counted from now on; of another length than declared it is a limit of its own. */
function applyToWindow(account: Account, ledger: Ledger, lesson: LimitLesson, at: number): void {
  const { cause, in_force: inForce, amount, until } = lesson
  const learned = learnedOf(ledger, at)
  learned.evidence = null
  if (cause !== 'window_header') {
    learned.doubts += cause === 'window_refused' ? MOST_DOUBTS : 1
    if (cause === 'window_refused') learned.refusedAt = at
    learned.keptAs = null
    keepAsDeclared(ledger)
    return setLimit(ledger, learned)
  }
  const { window = 'sliding', phase_ms: phaseMs = null, guard_ms: guardMs = 0 } = inForce!
  if (inForce!.per_ms !== learned.declared.perMs) {
    if (learned.reported === inForce!.amount) learned.reported = learned.declared.amount
    setLimit(ledger, learned)
    const beside = { ...inForce!, window, usedNow: { amount: amount ?? 0, until: until ?? at } }
    return hide(account, ledger, beside, at)
  }
  if (learned.keptAs !== null || !mayBeKeptAs(learned.declared, window)) return
  learned.keptAs = {
    window: { window, phase_ms: phaseMs, guard_ms: guardMs },
    trust: 1,
    since: at,
    isUsed: false,
  }
  keepAs(ledger, learned.keptAs, at)
}

/** The limit as it is in force: never more than is declared. */
function limitOf({ declared, level, reported }: Learned): Limit {
  const amount = Math.max(1, Math.min(declared.amount, level, reported))
  const { burst } = declared
  return { ...declared, amount, burst: burst && Math.max(1, Math.floor((burst * amount) / declared.amount)) }
}

/** A window of another length, and what of it is used, where that is known. */
interface Beside {
  readonly amount: number
  readonly per_ms: number
  readonly window?: LearnedWindow['window']
  readonly usedNow?: { readonly amount: number; readonly until: number }
}

/** Adds a window of another length. Unless told otherwise what was sent lately is not known to its phase, so that it begins used up. */
function hide(account: Account, ledger: Ledger, beside: Beside, at: number): void {
  const { amount, per_ms: perMs, window = 'sliding', usedNow } = beside
  const learned = learnedOf(ledger, at)
  const { declared, tried } = learned
  if (tried.includes(perMs)) return
  dropHidden(account, learned)
  tried.push(perMs)
  const name = hiddenName(declared, perMs)
  const limit: Limit = { ...declared, name, amount, perMs, ...SHORT, window }
  const short = createLedger(limit, true)
  if (usedNow === undefined) {
    learned.refusedAt = at
    postForeign(short, capacityOf(limit), at + perMs, at)
  } else postForeign(short, usedNow.amount, usedNow.until, at)
  account.ledgers.push(short)
}

/** A refusal in spite of a hidden window shows that there is no such window. */
function dropHidden({ ledgers }: Account, { declared, tried }: Learned): void {
  for (const perMs of tried) {
    const i = ledgers.findIndex(({ hidden, limit }) => hidden && limit.name === hiddenName(declared, perMs))
    if (i >= 0) ledgers.splice(i, 1)
  }
}

const hiddenName = ({ name }: Limit, perMs: number) => `${name}_in_${perMs / 1000}s`

const SHORT = { timeZone: null, phaseMs: null, burst: null, assumed: false } as const

/** Whether a limit leaves open how it is counted: a kind that nobody wrote down, or fixed windows of unknown phase. */
export function mayBeKeptAs({ assumed, window, phaseMs }: Limit, kind: LearnedWindow['window']): boolean {
  return assumed === true || (kind === 'fixed' && window === 'fixed' && phaseMs === null)
}

/** The wall clock was set: times of this log and of a process that starts later no longer share a phase. */
export function forgetPhases({ ledgers }: Account): void {
  for (const ledger of ledgers) {
    const { learned } = ledger
    if (learned?.keptAs?.window.window !== 'fixed') continue
    learned.keptAs = null
    keepAsDeclared(ledger)
    setLimit(ledger, learned)
  }
}
