import type { Account } from './account.ts'
import { add, amountAt, copyOf, createEntries, type Entries } from './entries.ts'
import { hiddenLimit } from './learning/hidden.ts'
import { inForceOf, limitOf } from './learning/in-force.ts'
import { type KeptAs, trustedLimit } from './learning/kept-as.ts'
import { type Learned, learnedOf, NEVER } from './learning/learned.ts'
import { createLedger, type Held, type Ledger } from './ledger.ts'
import { type Profile, UNIFORM } from './pacing.ts'
import type { Limit } from '../types.ts'
import { leakAt } from './windows/bucket.ts'

/**
 * A ledger as plain JSON: what counts at some instant, and what lessons taught. Evidence that has taught nothing yet is
 * not in it. All instants are ms since 1970; what is left out is empty or nothing.
 */
export interface LedgerRecord extends BooksRecord {
  readonly profile?: Profile
  readonly next?: NonNullable<Ledger['next']>
  readonly learned?: LearnedRecord
  /** The books of the limit as it is declared, while it is kept as a kind that was learned. */
  readonly fallback?: BooksRecord
}

interface BooksRecord {
  readonly entries?: readonly number[]
  /** What others are known to have used; entries too. */
  readonly foreign?: readonly number[]
  /** Of a bucket: its level and since when it drains. */
  readonly leak?: readonly [level: number, since: number]
  /** What each call under way holds, by its key. */
  readonly held?: readonly (readonly [key: string, amount: number, expiry: number | null])[]
}

/** What lessons taught of a limit; null for an instant that never was. */
interface LearnedRecord {
  readonly tried: readonly number[]
  readonly level: number
  readonly reported: number
  readonly beside: number | null
  readonly refusedAt: number | null
  readonly lowered: readonly [at: number | null, from: number]
  readonly raises: number
  readonly keptAs: KeptAs | null
  readonly doubts: number
  readonly taughtAt: number
}

/** A window that was learned beside those declared. */
export interface HiddenRecord extends BooksRecord {
  /** The declared limit that it is beside. */
  readonly of: string
  readonly amount: number
  readonly perMs: number
  readonly window: Limit['window']
}

/** A ledger of its own that is as this one is now. O(entries), but at the speed of memory. */
export function copyOfLedger(ledger: Ledger): Ledger {
  const { entries, foreign, held, learned, fallback } = ledger
  return {
    ...ledger,
    entries: copyOf(entries),
    foreign: copyOf(foreign),
    held: new Map(held),
    learned: learned && {
      ...learned,
      tried: [...learned.tried],
      keptAs: learned.keptAs && { ...learned.keptAs },
    },
    fallback: fallback && copyOfLedger(fallback),
  }
}

/** The ledger as of `now`; what has expired by then is left out. O(entries). The ledger stays as it is. */
export function recordOf(ledger: Ledger, now: number): LedgerRecord {
  const { profile, next, learned, fallback } = ledger
  return {
    ...booksOf(ledger, now),
    ...(profile !== UNIFORM && { profile }),
    ...(next !== null && { next }),
    ...(learned !== null && learned.taughtAt !== null && { learned: taught(learned, learned.taughtAt) }),
    ...(fallback !== null && { fallback: booksOf(fallback, now) }),
  }
}

/** The windows that were learned beside the declared ones, as of `now`. */
export function hiddenOf({ ledgers }: Account, now: number): HiddenRecord[] {
  return ledgers
    .filter(({ hidden }) => hidden)
    .map((ledger) => {
      const { amount, perMs, window } = ledger.limit
      const of = ledgers.find(({ learned }) => learned?.tried.includes(perMs) && isOf(ledger, learned))!
      return { of: of.learned!.declared.name, amount, perMs, window, ...booksOf(ledger, now) }
    })
}

/** Makes a fresh ledger of a declared limit what was recorded. */
export function restoreLedger(ledger: Ledger, record: LedgerRecord): void {
  const { profile = UNIFORM, next = null, learned, fallback } = record
  Object.assign(ledger, { profile, next })
  if (learned !== undefined) {
    restoreLearned(ledger, learned)
    if (fallback !== undefined) {
      const limit = trustedLimit(limitOf(ledger.learned!), learned.keptAs!)
      ledger.fallback = { ...createLedger(limit), profile, next }
      restoreBooks(ledger.fallback, fallback)
    }
  }
  restoreBooks(ledger, record)
}

/** Adds a window that was learned beside a declared one to a fresh account. */
export function restoreHidden(account: Account, { of, ...record }: HiddenRecord): void {
  const declared = account.ledgers.find(({ learned }) => learned?.declared.name === of)!.learned!.declared
  const ledger = createLedger(hiddenLimit(declared, record), true)
  restoreBooks(ledger, record)
  account.ledgers.push(ledger)
}

function isOf({ limit }: Ledger, { declared }: Learned): boolean {
  return hiddenLimit(declared, limit).name === limit.name
}

function booksOf(ledger: Ledger, now: number): BooksRecord {
  const { entries, foreign, held, limit } = ledger
  const leak = limit.window === 'bucket' ? leakAt(ledger, now) : null
  return {
    ...listed('entries', pairsOf(entries, now)),
    ...listed('foreign', pairsOf(foreign, now)),
    ...(leak !== null && { leak: [leak.level, leak.since] as const }),
    ...listed(
      'held',
      Array.from(held, ([key, { amount, expiry }]) => [key, amount, expiry] as const),
    ),
  }
}

function listed<K extends string, T>(name: K, list: readonly T[]): { [key in K]?: readonly T[] } {
  return list.length === 0 ? {} : ({ [name]: list } as { [key in K]: readonly T[] })
}

function restoreBooks(ledger: Ledger, { entries = [], foreign = [], leak, held = [] }: BooksRecord): void {
  ledger.entries = entriesOf(entries)
  ledger.foreign = entriesOf(foreign)
  if (leak !== undefined) ledger.leak = { level: leak[0], since: leak[1] }
  ledger.held = new Map(held.map(([key, amount, expiry]): [string, Held] => [key, { amount, expiry }]))
  ledger.reserved = held.reduce((sum, [, amount, expiry]) => (expiry === null ? sum + amount : sum), 0)
}

/** For each entry that counts beyond `now` the time since the one before it, the first since 1970, and its amount. */
function pairsOf(entries: Entries, now: number): number[] {
  const { untils } = entries
  const pairs: number[] = []
  let before = 0
  for (let i = entries.head; i < untils.length; i++) {
    const until = untils[i]!
    if (until <= now) continue
    pairs.push(until - before, amountAt(entries, i))
    before = until
  }
  return pairs
}

function entriesOf(pairs: readonly number[]): Entries {
  const entries = createEntries()
  let until = 0
  for (let i = 0; i < pairs.length; i += 2) {
    until += pairs[i]!
    add(entries, pairs[i + 1]!, until)
  }
  return entries
}

function taught(learned: Learned, taughtAt: number): LearnedRecord {
  const { tried, level, reported, beside, refusedAt, lowered, raises, keptAs, doubts } = learned
  return {
    tried: [...tried],
    level,
    reported,
    beside,
    refusedAt: refusedAt === NEVER ? null : refusedAt,
    lowered: [lowered.at === NEVER ? null : lowered.at, lowered.from],
    raises,
    keptAs: keptAs && { ...keptAs },
    doubts,
    taughtAt,
  }
}

/** Nothing was refused since the last lesson, as far as it is known. */
function restoreLearned(ledger: Ledger, record: LearnedRecord): void {
  const { refusedAt, lowered, tried, keptAs, taughtAt, ...rest } = record
  const learned = learnedOf(ledger, taughtAt)
  Object.assign(learned, rest, {
    tried: [...tried],
    keptAs: keptAs && { ...keptAs },
    taughtAt,
    refusedAt: refusedAt ?? NEVER,
    lowered: { at: lowered[0] ?? NEVER, from: lowered[1] },
  })
  ledger.limit = inForceOf(learned)
}
