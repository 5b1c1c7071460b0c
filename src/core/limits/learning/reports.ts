import { type Account, correct, ledgerOf } from '../account.ts'
import { forget, total } from '../entries.ts'
import type { LimitLesson, LimitReport } from '../../events.ts'
import { type Ledger, underWay, used } from '../ledger.ts'
import { applyLesson, declaredOf, learnedOf, lessonOn } from './learned.ts'

/** What limit headers teach: limits that are lower, and what others use. Takes the lessons in. */
export function learnFromReports(
  account: Account,
  reports: readonly LimitReport[],
  at: number,
): LimitLesson[] {
  const lessons = reportedLimits(account, reports, at)
  for (const { limit: name, amount, until } of correct(account, reports, at)) {
    const ledger = account.ledgers.find(({ limit }) => limit.name === name)!
    const because = 'remaining is lower than known here'
    lessons.push({ ...lessonOn(ledger, 'remaining'), because, amount, until })
  }
  return lessons
}

/** Reports in a row that have to tell the same limit before it is believed. */
const TELLING = 3

/**
 * A limit that is lower than the declared one holds for as long as it is told. A higher one is not taken over.
 * Reports that do not name their period count where only one limit on the unit is declared, and none that counts
 * less than was used from here.
 */
function reportedLimits(account: Account, reports: readonly LimitReport[], at: number): LimitLesson[] {
  const lessons: LimitLesson[] = []
  for (const report of reports) {
    const ledger = ledgerOf(account, report)
    if (ledger === null || report.limit === null || report.limit < 1) continue
    if (report.per_ms === null && !isOnlyOne(account, ledger)) continue
    const declared = declaredOf(ledger)
    const amount = Math.min(declared.amount, report.limit)
    const believed = ledger.learned?.reported ?? declared.amount
    if (amount === believed || (amount < believed && !isShown(ledger, report, at))) continue
    const { told } = learnedOf(ledger, at)
    Object.assign(told, { amount, times: told.amount === amount ? told.times + 1 : 1 })
    if (told.times < TELLING) continue
    const lesson: LimitLesson = {
      ...lessonOn(ledger, 'limit_header'),
      because: `the provider says ${report.limit} ${declared.unit}`,
      in_force: { amount, per_ms: declared.perMs },
    }
    applyLesson(account, lesson, at)
    lessons.push(lesson)
  }
  return lessons
}

/**
 * Whether a report shows that it is about this limit, and is not one whose numbers are all too small by one factor. It
 * counts at least what calls that have ended used, which are enough to tell without what others may have used; and more
 * than it could of all that was sent.
 */
function isShown(ledger: Ledger, { limit, remaining }: LimitReport, at: number): boolean {
  if (limit === null || remaining === null) return false
  forget(ledger.foreign, at)
  const sent = used(ledger, at) - total(ledger.foreign)
  const ended = sent - underWay(ledger)
  const { amount: declared, burst } = declaredOf(ledger)
  const counted = limit - remaining
  if (counted < ended || ended * (declared - limit) <= 2 * declared) return false
  // Of a bucket that holds less than its limit, the rest of the limit never remains.
  const never = Math.max(0, declared - (burst ?? declared))
  return counted * declared >= mostIfScaled(limit, sent + never, declared)
}

/**
 * No numbers that are too small by a factor f and rounded down count so much, in `declared`ths: of u used they count
 * floor(f L) - floor(f (L - u)) < f u + 1, and f L < `limit` + 1.
 */
function mostIfScaled(limit: number, sent: number, declared: number): number {
  return (limit + 1) * sent + declared
}

function isOnlyOne({ ledgers }: Account, one: Ledger): boolean {
  return ledgers.every((ledger) => ledger === one || ledger.hidden || ledger.limit.unit !== one.limit.unit)
}
