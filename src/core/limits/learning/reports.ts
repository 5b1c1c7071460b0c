import { type Account, correct, ledgerOf } from '../account.ts'
import { forget, total } from '../entries.ts'
import type { LimitLesson, LimitReport } from '../../events.ts'
import { type Ledger, used } from '../ledger.ts'
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
 * Whether a report shows that it is about this limit: it counts at least what calls that have ended used, and that is so
 * much that it could not if all its numbers were too small by one factor, rounding included.
 */
function isShown(ledger: Ledger, { limit, remaining }: LimitReport, at: number): boolean {
  if (limit === null || remaining === null) return false
  forget(ledger.foreign, at)
  let own = used(ledger, at) - total(ledger.foreign)
  for (const { amount } of ledger.held.values()) own -= amount
  const { amount: declared } = declaredOf(ledger)
  return limit - remaining >= own && own * (declared - limit) > 2 * declared
}

function isOnlyOne({ ledgers }: Account, one: Ledger): boolean {
  return ledgers.every((ledger) => ledger === one || ledger.hidden || ledger.limit.unit !== one.limit.unit)
}
