import { type EventOf, isOfWindow, type LearnedWindow, type LessonCause } from '../../core/events.ts'

/** What was learned of a limit and is in force beside or instead of what is declared. */
export interface LearnedLimit {
  readonly llm: string
  readonly limit: string
  readonly declared: number
  readonly in_force: number
  readonly per_ms: number
  /** How it is counted, where that was the lesson; null for as declared, and in every other lesson. */
  readonly window: LearnedWindow['window'] | null
  /** When a fixed window begins, modulo its length; else null. */
  readonly phase_ms: number | null
  readonly cause: LessonCause
  readonly because: string
  /** ms since 1970 */
  readonly at: number
}

/** Keeps the last lesson on each limit; hidden windows, and how a limit is counted, apart. */
export function learn(learned: LearnedLimit[], { at, llm, data }: EventOf<'llm.limit_learned'>): void {
  const { limit, declared, in_force, cause, because } = data
  if (in_force == null || llm === null) return
  const { amount, per_ms, window = null, phase_ms = null } = in_force
  const lesson = { llm, limit, declared, in_force: amount, per_ms, window, phase_ms, cause, because, at }
  const i = learned.findIndex(
    (one) =>
      one.llm === llm &&
      one.limit === limit &&
      one.per_ms === per_ms &&
      isOfWindow(one.cause) === isOfWindow(cause),
  )
  if (i < 0) learned.push(lesson)
  else learned[i] = lesson
}
