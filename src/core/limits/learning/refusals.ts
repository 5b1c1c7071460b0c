import type { Account } from '../account.ts'
import { add, forget, total } from '../entries.ts'
import type { Failure, LimitLesson } from '../../events.ts'
import { bookedSince, type Ledger, underWay, used } from '../ledger.ts'
import { capacityOf } from '../../types.ts'
import { refuseKinds } from './kinds.ts'
import { applyLesson, type Learned, learnedOf, lessonOn } from './learned.ts'
import { DAY_MS } from '../../time.ts'

/** What a refusal is about; each is answered differently. */
export type RefusalKind = 'minute' | 'day' | 'quota' | 'overload'

/**
 * What a failure says of the limits of its LLM; null when it is no refusal. Only one about a minute, or some other
 * time that is short, teaches anything: a day or a quota that is used up is waited for, an overload passes.
 */
export function refusalKindOf({ class: cause, limit }: Failure): RefusalKind | null {
  if (cause === 'quota_exhausted') return 'quota'
  if (cause === 'overloaded') return 'overload'
  if (cause !== 'rate_limited') return null
  return (limit?.per_ms ?? 0) >= DAY_MS ? 'day' : 'minute'
}

/** Windows that a provider may break a limit down to, in the order in which they are tried. */
const HIDDEN_MS = [10_000, 1_000]
/**
 * A provider that names a longer wait than a hidden window, and a second for rounding, does not keep to that window.
 */
const ROUNDING_MS = 1_000
/** What is left of a limit, in thousandths, where nothing tells it better; at most once in a window. */
const CUT = 950
/** A refusal after less than this part of the limit, in thousandths, may be a passing one: the first only cools. */
const PLAUSIBLE = 250

/** A call that was refused: when it was sent, and when that is known. */
export interface Refused {
  readonly failure: Failure
  readonly startedAt: number
  readonly at: number
}

/**
 * What a refusal teaches of a limit that had room for the call: first that it is not counted as was learned, then that
 * shorter windows are kept, if those explain it, then that the limit is lower. It is lowered at once to what the
 * provider let in within the window, and at most to half in one window. Calls that were sent before the last lesson
 * only tell how much was let in. Takes the lessons in.
 */
export function learnFromRefusal(account: Account, refused: Refused): LimitLesson[] {
  const { failure, startedAt, at } = refused
  const kind = refusalKindOf(failure)
  const unlearned = kind === 'minute' || kind === 'day' ? refuseKinds(account, failure, at) : []
  if (unlearned.length > 0 || kind !== 'minute') return unlearned
  const ledger = suspectOf(account, failure, at)
  if (ledger === null) return []
  const known = ledger.learned
  const learned = learnedOf(ledger, at)
  if (known !== null && known.cleanSince < at) Object.assign(known, { cleanSince: at, peak: 0 })
  noteRefusal(ledger, learned, at)
  const isNew = startedAt > learned.refusedAt
  forget(ledger.foreign, at)
  const isAlone = total(ledger.foreign) === 0
  const lesson = (isNew && isAlone ? hiddenWindow(ledger, refused) : null) ?? lowered(ledger, isNew, at)
  if (lesson === null) return []
  applyLesson(account, lesson, at)
  return [lesson]
}

/**
 * The limit that a refusal is about: the one it names, else the fullest; null when it is about how many run at once.
 */
function suspectOf({ ledgers }: Account, { limit }: Failure, at: number): Ledger | null {
  const isMeant = ({ limit: { unit, perMs }, hidden }: Ledger) =>
    !hidden &&
    unit !== 'concurrency' &&
    perMs < DAY_MS &&
    (limit?.unit == null || limit.unit === unit) &&
    (limit?.per_ms == null || limit.per_ms === perMs)
  const share = (ledger: Ledger) => used(ledger, at) / capacityOf(ledger.limit)
  let suspect: Ledger | null = null
  for (const ledger of ledgers) {
    if (isMeant(ledger) && (suspect === null || share(ledger) > share(suspect))) suspect = ledger
  }
  if (suspect === null || limit?.unit != null) return suspect
  const isCrowded = ledgers.some(
    ({ limit: { unit, amount }, held }) => unit === 'concurrency' && held.size + 1 >= amount,
  )
  return isCrowded && share(suspect) < 0.5 ? null : suspect
}

function noteRefusal({ limit }: Ledger, { refusals }: Learned, at: number): void {
  forget(refusals, at)
  add(refusals, 1, at + limit.perMs + limit.guardMs)
}

/**
 * Of what the ledger counts, what a provider let in of ours: calls that it turned away took requests, but no tokens.
 */
function letIn({ limit, foreign }: Ledger, { refusals }: Learned, amount: number): number {
  return Math.max(1, amount - total(foreign) - (limit.unit === 'requests' ? total(refusals) : 0))
}

/**
 * A hidden window explains a refusal if within its length at least its share was sent, and not far more let in. What
 * is under way may be refused yet.
 */
function hiddenWindow(ledger: Ledger, { failure, at }: Refused): LimitLesson | null {
  const { limit } = ledger
  const learned = learnedOf(ledger, at)
  const { declared } = learned
  if (limit.shared !== null || learned.level < declared.amount) return null
  for (const perMs of HIDDEN_MS) {
    const share = Math.floor((limit.amount * perMs) / limit.perMs)
    if (learned.tried.some((tried) => tried <= perMs) || share < 1 || perMs * 2 > limit.perMs) continue
    if (failure.retry_after_ms !== null && failure.retry_after_ms > perMs + ROUNDING_MS) continue
    const sent = bookedSince(ledger, at - perMs - limit.guardMs)
    const least = letIn(ledger, learned, sent) - underWay(ledger)
    if (sent < share || least > 2 * share) continue
    return {
      ...lessonOn(ledger, 'hidden_window'),
      because: `refused after ${sent} ${declared.unit} within ${perMs / 1000} s`,
      in_force: { amount: share, per_ms: perMs },
    }
  }
  return null
}

function lowered(ledger: Ledger, isNew: boolean, at: number): LimitLesson | null {
  const { limit } = ledger
  const learned = learnedOf(ledger, at)
  const accepted = letIn(ledger, learned, used(ledger, at))
  const isWithin = at - learned.lowered.at < limit.perMs
  const from = isWithin ? learned.lowered.from : limit.amount
  if (isNew && accepted * 1000 < PLAUSIBLE * limit.amount && total(learned.refusals) === 1) return null
  if (!isNew && learned.raises === 0 && learned.level === learned.declared.amount) return null
  const cut = isNew && !isWithin ? Math.floor((limit.amount * CUT) / 1000) : limit.amount
  const amount = Math.max(1, Math.ceil(from / 2), Math.min(cut, accepted))
  if (amount >= limit.amount) return null
  return {
    ...lessonOn(ledger, total(ledger.foreign) === 0 ? 'refused' : 'foreign'),
    because: `refused with ${accepted} of ${limit.amount} ${limit.unit} used`,
    in_force: { amount, per_ms: limit.perMs },
  }
}
