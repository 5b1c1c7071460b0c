import type { Account } from '../account.ts'
import type { LimitLesson } from '../../events.ts'
import { type Ledger, used } from '../ledger.ts'
import { applyLesson, lessonOn } from './learned.ts'

/** The first raises in a row, in thousandths of the declared amount: slow near what was refused, then faster. */
const RAISES = [10, 10, 20, 40, 80]
/** A window counts as used up from this share on, in thousandths. */
const USED_UP = 900

/**
 * After an answer: raises limits that were lowered for refusals, by a step for each window that was used up without
 * one. Takes the lessons in. O(ledgers) where nothing was learned.
 */
export function learnFromAnswer(account: Account, at: number): LimitLesson[] {
  const lessons: LimitLesson[] = []
  for (const ledger of account.ledgers) {
    const { learned } = ledger
    if (learned === null || learned.level >= learned.declared.amount) continue
    const lesson = raised(ledger, at)
    if (lesson !== null) lessons.push(lesson)
  }
  for (const lesson of lessons) applyLesson(account, lesson, at)
  return lessons
}

function raised(ledger: Ledger, at: number): LimitLesson | null {
  const learned = ledger.learned!
  const { declared, level, raises } = learned
  learned.peak = Math.max(learned.peak, used(ledger, at))
  if (at - learned.cleanSince < declared.perMs + declared.guardMs) return null
  const isUsedUp = learned.peak * 1000 >= level * USED_UP
  Object.assign(learned, { cleanSince: at, peak: 0 })
  if (!isUsedUp) return null
  const permille = RAISES[Math.min(raises, RAISES.length - 1)]!
  const amount = Math.min(
    declared.amount,
    level + Math.max(1, Math.floor((declared.amount * permille) / 1000)),
  )
  return {
    ...lessonOn(ledger, 'clean_window'),
    because: `a window with ${level} ${declared.unit} and no refusal`,
    in_force: { amount, per_ms: declared.perMs },
  }
}
