import { type Account, correct, ledgerOf } from '../account.ts'
import type { LimitLesson, LimitReport } from '../events.ts'
import type { Ledger } from '../ledger.ts'
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

/**
 * A limit that is lower than the declared one holds for as long as it is told. A higher one is not taken over.
 * Reports that do not name their period count where only one limit on the unit is declared.
 */
function reportedLimits(account: Account, reports: readonly LimitReport[], at: number): LimitLesson[] {
  const lessons: LimitLesson[] = []
  for (const report of reports) {
    const ledger = ledgerOf(account, report)
    if (ledger === null || report.limit === null || report.limit < 1) continue
    if (report.per_ms === null && !isOnlyOne(account, ledger)) continue
    const declared = declaredOf(ledger)
    const amount = Math.min(declared.amount, report.limit)
    if (amount === (ledger.learned?.reported ?? declared.amount)) continue
    learnedOf(ledger, at)
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

function isOnlyOne({ ledgers }: Account, one: Ledger): boolean {
  return ledgers.every((ledger) => ledger === one || ledger.hidden || ledger.limit.unit !== one.limit.unit)
}
