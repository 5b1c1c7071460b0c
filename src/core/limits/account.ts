import { CHARGES } from './charge.ts'
import type { LimitReport, Usage } from '../events.ts'
import { admitsRank, nextForRank } from './held-back.ts'
import { declaredOf } from './learning/learned.ts'
import { createLedger, type Ledger, linger, postForeign, reserve, roomOf, settle } from './ledger.ts'
import { clockText } from './pacing.ts'
import { capacityOf, type Limit, type LlmSpec, type Unit } from '../types.ts'

/** All ledgers of one LLM. A request runs only when every one of them has room. */
export interface Account {
  /** Those of the declared limits, in their order, then those that were learned. */
  readonly ledgers: Ledger[]
  readonly most: Most
}

/** The most that a single call may ask for, by the limits as they are declared; Infinity where none says. */
export interface Most {
  readonly inputTokens: number
  readonly outputTokens: number
  /** Of both together. */
  readonly tokens: number
}

/** What one call takes from each kind of limit. */
export interface Cost {
  readonly inputTokens: number
  readonly outputTokens: number
  /** Those of the input that the provider read from its cache; known of a call that has ended. */
  readonly cachedTokens?: number
}

/**
 * The limit that leaves no room, with the word that it is paced where its pace alone binds, and the first instant it
 * would; `until` is Infinity when no timer can tell.
 */
export interface Block {
  readonly limit: string
  readonly until: number
}

/** What a provider reports of a call. */
export function costOf(usage: Usage): Cost {
  return {
    inputTokens: usage.input_tokens,
    outputTokens: usage.output_tokens,
    cachedTokens: usage.cached_tokens,
  }
}

/** The least that any call can cost. */
export const LEAST: Cost = { inputTokens: 1, outputTokens: 0 }

export function createAccount(limits: readonly Limit[]): Account {
  return accountOf(limits.map((limit) => createLedger(limit)))
}

/** The account of these ledgers. */
export function accountOf(ledgers: Ledger[]): Account {
  return { ledgers, most: mostIn(ledgers) }
}

function mostIn(ledgers: readonly Ledger[]): Most {
  const least = (wanted: Unit) =>
    ledgers.reduce(
      (most, ledger) => (ledger.limit.unit === wanted ? Math.min(most, mostAskedOf(ledger)) : most),
      Number.POSITIVE_INFINITY,
    )
  const tokens = least('tokens')
  return {
    inputTokens: Math.min(least('input_tokens'), tokens),
    outputTokens: least('output_tokens'),
    tokens,
  }
}

/**
 * The most that a call may ask of a limit: what is declared, whatever less was learned; anything of a hidden window.
 */
export function mostAskedOf(ledger: Ledger): number {
  return ledger.hidden ? Number.POSITIVE_INFINITY : capacityOf(declaredOf(ledger))
}

/**
 * How much of a limit has to be free for calls that ask for `amount` together: all of it for each that asks for more
 * than the limit was learned to hold, so that what was not refused on arrival can always run. All that is asked for is
 * booked.
 */
export function freeFor(ledger: Ledger, amount: number, calls = 1): number {
  const whole = calls * capacityOf(ledger.limit)
  return amount > whole && amount <= calls * mostAskedOf(ledger) ? whole : amount
}

/** The accounts of all LLMs, in their order; limits that are shared under one name have one ledger. */
export function createAccounts(specs: readonly Pick<LlmSpec, 'limits'>[]): Account[] {
  const shared = new Map<string, Ledger>()
  const ledgerOf = (limit: Limit) => {
    const ledger = (limit.shared !== null && shared.get(limit.shared)) || createLedger(limit)
    if (limit.shared !== null) shared.set(limit.shared, ledger)
    return ledger
  }
  return specs.map(({ limits }) => accountOf(limits.map(ledgerOf)))
}

/** For each LLM, the indexes of the others that share a limit with it: what one uses, they have less. */
export function siblingsOf(specs: readonly Pick<LlmSpec, 'limits'>[]): number[][] {
  const names = specs.map(({ limits }) => limits.flatMap(({ shared }) => shared ?? []))
  return names.map((own, i) =>
    [...names.keys()].filter((j) => j !== i && names[j]!.some((name) => own.includes(name))),
  )
}

/** Units of `unit` that a call of this cost takes. */
export function amountOf(unit: Unit, cost: Cost): number {
  switch (unit) {
    case 'requests':
    case 'concurrency':
      return 1
    case 'tokens':
      return cost.inputTokens + cost.outputTokens
    case 'input_tokens':
      return cost.inputTokens
    case 'output_tokens':
      return cost.outputTokens
  }
}

/**
 * Whether every limit has room at `now` for `cost` of a request of this rank: 0, the highest priority, has all of it.
 */
export function fits(account: Account, cost: Cost, now: number, rank = 0): boolean {
  for (const ledger of account.ledgers) {
    const amount = freeFor(ledger, amountOf(ledger.limit.unit, cost))
    if (!admitsRank(ledger, amount, now, rank)) return false
  }
  return true
}

/** The limit that binds longest at `now` for `cost` of a request of this rank; null when it fits. */
export function blockOf(account: Account, cost: Cost, now: number, rank = 0): Block | null {
  let block: Block | null = null
  for (const ledger of account.ledgers) {
    const amount = freeFor(ledger, amountOf(ledger.limit.unit, cost))
    const { at, isPaced } = nextForRank(ledger, amount, now, rank)
    if (at <= now || (block !== null && at <= block.until)) continue
    block = { limit: bindingText(ledger.limit, at, isPaced), until: at }
  }
  return block
}

/** How a limit that binds until `at` is told. */
export function bindingText({ name }: Limit, at: number, isPaced: boolean): string {
  return isPaced && Number.isFinite(at) ? `${name}, paced until ${clockText(at)},` : name
}

/** The first limit that is smaller than `cost` as a whole, so that it never fits; null when none is. */
export function tooSmall(limits: readonly Limit[], cost: Cost): Limit | null {
  for (const limit of limits) if (amountOf(limit.unit, cost) > capacityOf(limit)) return limit
  return null
}

/** Sets the cost aside on every ledger under `key`. The caller has made sure that it fits. */
export function reserveAll(account: Account, key: string, cost: Cost, now: number): void {
  for (const ledger of account.ledgers) reserve(ledger, key, amountOf(ledger.limit.unit, cost), now)
}

/** Replaces the reservation of `key` by the real cost. `counted` is false for a call that never left. */
export function settleAll(account: Account, key: string, cost: Cost, counted: boolean, now: number): void {
  for (const ledger of account.ledgers) {
    const reserved = ledger.held.get(key)?.amount ?? 0
    settle(ledger, key, counted ? chargeOf(ledger.limit, cost, reserved) : 0, now)
  }
}

/** How a call ended, as far as its limits go. */
export interface Ending {
  readonly cost: Cost
  /** Whether its provider may have counted it. */
  readonly counted: boolean
  /** Whether it was cut off, not answered. */
  readonly cut: boolean
}

/** Settles the call `key` as it ended. The place of one that was cut off stays taken for the guard. */
export function settleCall(account: Account, key: string, { cost, counted, cut }: Ending, now: number): void {
  if (cut) for (const ledger of account.ledgers) linger(ledger, key, now)
  settleAll(account, key, cost, counted || cut, now)
}

/** What a call that has ended is charged, of which `reserved` was set aside. One without tokens was turned away. */
export function chargeOf({ unit, charge }: Limit, cost: Cost, reserved: number): number {
  const amount = amountOf(unit, cost)
  if (unit === 'requests' || unit === 'concurrency') return amount
  const { refunds, cachedFree } = CHARGES[charge]
  if (!refunds && cost.inputTokens + cost.outputTokens > 0) return Math.max(reserved, amount)
  const free = cachedFree && unit !== 'output_tokens' ? (cost.cachedTokens ?? 0) : 0
  return amount - Math.min(free, cost.inputTokens)
}

/** What a provider's report changed: more was used than this ledger knew of. */
export interface Correction {
  readonly limit: string
  readonly amount: number
  readonly until: number
}

/**
 * Lowers the room to what the provider says remains, never raises it: somebody else may be using the same quota,
 * and a report is older than what was dispatched since. What is missing is booked until the provider's reset.
 */
export function correct(account: Account, reports: readonly LimitReport[], now: number): Correction[] {
  const corrections: Correction[] = []
  for (const report of reports) {
    const ledger = ledgerOf(account, report)
    if (ledger === null || report.remaining === null) continue
    const foreign = roomOf(ledger, now) - Math.max(0, Math.floor(report.remaining))
    if (foreign <= 0) continue
    const until = now + Math.min(report.reset_ms ?? UNKNOWN_RESET_MS, ledger.limit.perMs)
    postForeign(ledger, foreign, until, now)
    corrections.push({ limit: ledger.limit.name, amount: foreign, until })
  }
  return corrections
}

/** A provider that does not say when it starts anew is believed for a minute; the next answer tells more. */
const UNKNOWN_RESET_MS = 60_000

/**
 * The ledger that a report is about: the one of its period, else the one of the same size, else that of the shortest
 * window. A daily limit is not lowered by a report that may well be about a minute.
 */
export function ledgerOf(account: Account, { unit, per_ms, limit }: LimitReport): Ledger | null {
  const same = account.ledgers.filter((ledger) => ledger.limit.unit === unit && !ledger.hidden)
  if (per_ms !== null) return same.find((ledger) => ledger.limit.perMs === per_ms) ?? null
  const sized = account.ledgers.find((ledger) => ledger.limit.unit === unit && ledger.limit.amount === limit)
  if (sized !== undefined) return sized
  return same.reduce<Ledger | null>(
    (least, one) => (least && least.limit.perMs <= one.limit.perMs ? least : one),
    null,
  )
}
