import type { Account } from '../account.ts'
import type { LearnedWindow, LimitLesson } from '../../events.ts'
import type { Ledger } from '../ledger.ts'
import type { Limit } from '../../types.ts'
import { drainUntil } from '../windows/bucket.ts'
import { hide } from './hidden.ts'
import { keepAs, keepAsDeclared, limitKeptAs, trustedLimit } from './kept-as.ts'
import type { Learned } from './learned.ts'

/** Doubts after which a limit is kept as declared for good. Each doubles what has to be shown. */
export const MOST_DOUBTS = 3

/** Puts in force what was learned of a limit: never more than is declared, and counted as was learned. */
export function setLimit(ledger: Ledger, learned: Learned, at: number): void {
  const next = inForceOf(learned)
  // A bucket drained at the old rate until now.
  const isRateNew = ledger.limit.amount !== next.amount
  if (isRateNew && ledger.limit.window === 'bucket' && next.window === 'bucket') drainUntil(ledger, at)
  ledger.limit = next
  if (ledger.fallback !== null) ledger.fallback.limit = trustedLimit(limitOf(learned), learned.keptAs!)
}

/** The limit that is in force by what was learned, counted as was learned. */
export function inForceOf(learned: Learned): Limit {
  const { keptAs } = learned
  return keptAs === null ? limitOf(learned) : limitKeptAs(limitOf(learned), keptAs)
}

/** The same counted as declared. */
export function limitOf({ declared, level, reported }: Learned): Limit {
  const amount = Math.max(1, Math.min(declared.amount, level, reported))
  const { burst } = declared
  return { ...declared, amount, burst: burst && Math.max(1, Math.floor((burst * amount) / declared.amount)) }
}

/** Whether a limit leaves open how it is counted: a kind that nobody wrote down, or fixed windows of unknown phase. */
export function mayBeKeptAs({ assumed, window, phaseMs }: Limit, kind: LearnedWindow['window']): boolean {
  return assumed === true || (kind === 'fixed' && window === 'fixed' && phaseMs === null)
}

/** A limit and what was learned of it. */
interface Subject {
  readonly account: Account
  readonly ledger: Ledger
  readonly learned: Learned
}

/** Takes in a lesson on how a limit is counted. A window of another length than declared is kept beside it. */
export function applyToWindow({ account, ledger, learned }: Subject, lesson: LimitLesson, at: number): void {
  const { cause, in_force: inForce, amount, until } = lesson
  learned.evidence = null
  if (cause !== 'window_header') return forgetWindow(ledger, learned, cause, at)
  const { window = 'sliding', phase_ms: phaseMs = null, guard_ms: guardMs = 0 } = inForce!
  const { declared } = learned
  if (inForce!.per_ms !== declared.perMs) {
    if (learned.reported === inForce!.amount)
      Object.assign(learned, { reported: declared.amount, beside: learned.reported })
    setLimit(ledger, learned, at)
    const used = { amount: amount ?? 0, until: until ?? at }
    return hide(account, learned, { ...inForce!, window, used }, at)
  }
  if (learned.keptAs !== null || !mayBeKeptAs(declared, window)) return
  const known = { window, phase_ms: phaseMs, guard_ms: guardMs }
  learned.keptAs = { window: known, trust: 1, since: at, isUsed: false }
  keepAs(ledger, learned.keptAs, at)
}

/** Counts a limit as declared again; a refusal ends it for good. */
function forgetWindow(ledger: Ledger, learned: Learned, cause: LimitLesson['cause'], at: number): void {
  const isRefused = cause === 'window_refused'
  learned.doubts += isRefused ? MOST_DOUBTS : 1
  if (isRefused) learned.refusedAt = at
  countAsDeclared(ledger, learned, at)
}

function countAsDeclared(ledger: Ledger, learned: Learned, at: number): void {
  learned.keptAs = null
  keepAsDeclared(ledger)
  setLimit(ledger, learned, at)
}

/** The wall clock was set: the times of this log and of a process that starts later no longer share a phase. */
export function forgetPhases({ ledgers }: Account, at: number): void {
  for (const ledger of ledgers) {
    const { learned } = ledger
    if (learned?.keptAs?.window.window === 'fixed') countAsDeclared(ledger, learned, at)
  }
}
