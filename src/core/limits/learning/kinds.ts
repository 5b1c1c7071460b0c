import { type Account, ledgerOf } from '../account.ts'
import { forget } from '../entries.ts'
import type { Failure, LearnedWindow, LimitLesson, LimitReport } from '../../events.ts'
import { type Ledger, ownSince } from '../ledger.ts'
import { type Boundary, isLengthProven, isPhaseProven, watchBoundary, windowsBetween } from './boundary.ts'
import { MOST_DOUBTS, mayBeKeptAs } from './in-force.ts'
import { trustMore } from './kept-as.ts'
import { applyLesson, declaredOf, type Learned, learnedOf, lessonOn } from './learned.ts'
import { createRefill, provenRefillMs, type Refill, watchRefill } from './refill.ts'
import { isWithin, refillRange, type Sighting, sightingOf } from './sighting.ts'
import { DAY_MS } from '../../time.ts'

/** What headers have shown of how a limit is counted, as long as they told this limit. */
export interface Evidence {
  readonly limit: number
  readonly refill: Refill
  boundary: Boundary | null
}

/** The limits that were told in the answer to a call. */
export interface Told {
  readonly limits: readonly LimitReport[]
  /** When the call was sent, and when its answer was heard. */
  readonly sentAt: number
  readonly at: number
}

/**
 * What limit headers teach of how a limit is counted, and for how long. A kind that nobody wrote down is taken over
 * once it is proven, and let go at the first header that contradicts it. Takes the lessons in.
 */
export function learnKinds(account: Account, { limits, sentAt, at }: Told): LimitLesson[] {
  const lessons: LimitLesson[] = []
  for (const report of limits) {
    const ledger = ledgerOf(account, report)
    const sighting = sightingOf(report, sentAt, at)
    if (ledger === null || ledger.hidden || ledger.limit.perMs === 0 || sighting === null) continue
    const lesson = lessonFrom(account, ledger, sighting, report.per_ms === null)
    if (lesson === null) continue
    applyLesson(account, lesson, at)
    lessons.push(lesson)
  }
  return lessons
}

/**
 * A refusal ends every kind that was learned of a limit it may be about, for good, and all that headers have shown so
 * far. Takes the lessons in.
 */
export function refuseKinds(account: Account, { limit }: Failure, at: number): LimitLesson[] {
  const lessons: LimitLesson[] = []
  for (const ledger of account.ledgers) {
    const { unit, perMs } = ledger.limit
    const isMeant = (limit?.unit ?? unit) === unit && (limit?.per_ms ?? perMs) === perMs
    if (!isMeant || ledger.learned === null) continue
    ledger.learned.evidence = null
    if (ledger.learned.keptAs !== null)
      lessons.push(unlearned(ledger, 'window_refused', 'a call was refused'))
  }
  for (const lesson of lessons) applyLesson(account, lesson, at)
  return lessons
}

/**
 * After an answer: a learned kind that let in more than is declared, and nothing was refused for a window, is trusted
 * more.
 */
export function trustKinds({ ledgers }: Account, at: number): void {
  for (const ledger of ledgers) if (ledger.fallback !== null) trustMore(ledger, at)
}

function lessonFrom(
  account: Account,
  ledger: Ledger,
  sighting: Sighting,
  isPeriodless: boolean,
): LimitLesson | null {
  const learned = learnedOf(ledger, sighting.at)
  if (learned.keptAs !== null) {
    if (sighting.limit !== ledger.limit.amount || !contradicts(ledger, learned.keptAs.window, sighting))
      return null
    return unlearned(ledger, 'window_contradicted', 'a header does not agree with it')
  }
  if (!isPeriodless && !isOpen(learned)) return null
  const evidence = watch(ledger, learned, sighting)
  return (
    kindShown(ledger, learned, evidence) ??
    (isPeriodless ? sizeShown(account, ledger, evidence, sighting) : null)
  )
}

/** Whether there is a kind to learn of the limit itself, not only a window of another length. */
function isOpen({ declared, doubts }: Learned): boolean {
  return doubts < MOST_DOUBTS && (mayBeKeptAs(declared, 'bucket') || mayBeKeptAs(declared, 'fixed'))
}

function watch(ledger: Ledger, learned: Learned, sighting: Sighting): Evidence {
  const { limit } = sighting
  const known = learned.evidence?.limit === limit ? learned.evidence : null
  const evidence = known ?? { limit, refill: createRefill(), boundary: null }
  forget(ledger.foreign, sighting.at)
  watchRefill(evidence.refill, sighting)
  if (isTooMuch(ledger, evidence.refill, sighting)) Object.assign(evidence.refill, createRefill())
  evidence.boundary = watchBoundary(evidence.boundary, sighting, ledger)
  learned.evidence = evidence
  return evidence
}

/**
 * Whether more is missing than was sent from here while a bucket of a shorter length refills, so that others use it too
 * or the numbers are off: then they say nothing of another length.
 */
function isTooMuch(ledger: Ledger, { range }: Refill, sighting: Sighting): boolean {
  const { limit, remaining, countSlack, at } = sighting
  const { perMs, guardMs } = ledger.limit
  if (range.longest >= perMs) return false
  return limit - remaining - countSlack > ownSince(ledger, at - range.longest - guardMs)
}

/** The kind of a window that headers prove, of the limit and the length that are in force, where that is open. */
function kindShown(ledger: Ledger, learned: Learned, evidence: Evidence): LimitLesson | null {
  const { amount, perMs } = ledger.limit
  if (evidence.limit !== amount || !isOpen(learned)) return null
  const { declared, doubts } = learned
  const times = 2 ** doubts
  if (mayBeKeptAs(declared, 'bucket') && provenRefillMs(evidence.refill, perMs, times) === perMs)
    return shown(ledger, evidence, perMs, asBucket(declared.guardMs))
  const { boundary } = evidence
  if (!mayBeKeptAs(declared, 'fixed') || boundary?.perMs !== perMs || perMs >= DAY_MS) return null
  if (!isPhaseProven(boundary, times)) return null
  const window = asFixed(boundary, declared.guardMs)
  return window.guard_ms * 4 > perMs ? null : shown(ledger, evidence, perMs, window)
}

/** A window of another length than is declared, where it is not kept to anyway. */
function sizeShown(
  { ledgers }: Account,
  ledger: Ledger,
  evidence: Evidence,
  { at, sentAt, resetMs, remaining }: Sighting,
): LimitLesson | null {
  const { amount, perMs: declaredMs, shared, unit, guardMs } = declaredOf(ledger)
  const refillMs = provenRefillMs(evidence.refill, declaredMs, 1)
  const { boundary, limit } = evidence
  const perMs = refillMs ?? (boundary !== null && isLengthProven(boundary) ? boundary.perMs : declaredMs)
  if (perMs === declaredMs || shared !== null || ledger.learned!.tried.includes(perMs)) return null
  if (limit >= amount * Math.ceil(perMs / declaredMs)) return null
  if (ledgers.some((other) => other.limit.unit === unit && other.limit.perMs === perMs)) return null
  const window =
    refillMs === null
      ? ({ window: 'sliding', phase_ms: null, guard_ms: guardMs } as const)
      : asBucket(guardMs)
  const lesson = shown(ledger, evidence, perMs, window)
  // What is on its way is not told yet. A short window may as well begin used up.
  if (perMs < declaredMs) return { ...lesson, amount: limit, until: at + perMs }
  const sent = ownSince(ledger, sentAt - guardMs)
  return {
    ...lesson,
    amount: Math.min(limit, limit - remaining + sent),
    until: at + Math.max(resetMs, guardMs),
  }
}

function asBucket(guardMs: number): LearnedWindow {
  return { window: 'bucket', phase_ms: null, guard_ms: guardMs }
}

/**
 * The guard of a learned phase in guards of the limit: for calls that travel, and as much for headers that are a little
 * off.
 */
const GUARDS = 2

/** The phase is the middle of what it can be; for the rest the guard is wider, which costs no throughput. */
function asFixed({ earliest, latest, perMs }: Boundary, guardMs: number): LearnedWindow {
  const half = Math.ceil((latest - earliest) / 2)
  return { window: 'fixed', phase_ms: (earliest + half) % perMs, guard_ms: GUARDS * guardMs + half }
}

const WORDS: Readonly<Record<LearnedWindow['window'], (evidence: Evidence) => string>> = {
  bucket: ({ refill }) => `${refill.told} headers tell of a bucket that refills all the time`,
  fixed: ({ boundary }) => `the headers of ${boundary!.windows} windows tell when the next one begins`,
  sliding: ({ boundary }) => `the headers of ${boundary!.lengths} windows tell how long one is`,
}

function shown(ledger: Ledger, evidence: Evidence, perMs: number, window: LearnedWindow): LimitLesson {
  const inForce = { amount: evidence.limit, per_ms: perMs, ...window }
  return { ...lessonOn(ledger, 'window_header'), because: WORDS[window.window](evidence), in_force: inForce }
}

function unlearned(ledger: Ledger, cause: LimitLesson['cause'], because: string): LimitLesson {
  const { amount, perMs } = ledger.limit
  return { ...lessonOn(ledger, cause), because, in_force: { amount, per_ms: perMs } }
}

/** Whether a sighting cannot be if the limit is counted as was learned. */
function contradicts(ledger: Ledger, learned: LearnedWindow, sighting: Sighting): boolean {
  const { perMs } = ledger.limit
  if (learned.window === 'bucket') return !isWithin(perMs, refillRange(sighting))
  const { limit, remaining, sentAt, at, resetMs, resetSlackMs } = sighting
  if (remaining === limit) return false
  const { guardMs } = declaredOf(ledger)
  const phaseMs = learned.phase_ms!
  const around = learned.guard_ms - GUARDS * guardMs + Math.floor(guardMs / 2)
  const known = { perMs, earliest: phaseMs - around, latest: phaseMs + around }
  const told = { earliest: sentAt + resetMs - resetSlackMs, latest: at + resetMs + resetSlackMs }
  return resetMs - resetSlackMs > perMs || windowsBetween(known, told) === null
}
