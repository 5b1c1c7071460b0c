import { amountOf, type Cost } from '../limits/account.ts'
import { ceilingHold } from '../limits/ceilings.ts'
import { isOpen, type LlmView, type Offer } from './choose.ts'
import { pacedUntil } from '../limits/held-back.ts'
import type { Ledger } from '../limits/ledger.ts'
import { without } from '../limits/look-ahead.ts'
import { isPaced } from '../limits/pacing.ts'
import type { Option } from './spread.ts'
import { capacityOf, type Limit } from '../types.ts'
import { windowOf } from '../limits/window.ts'

/** What a request takes of the limits of an LLM. */
export function optionOf(views: readonly LlmView[], { llm, cost, serveMs }: Offer, loss = 0): Option {
  const { ledgers } = views[llm]!.account
  return { llm, units: ledgers.map(({ limit }) => unitsOf(limit, cost, serveMs)), loss }
}

function unitsOf(limit: Limit, cost: Cost, serveMs: number): number {
  return limit.unit === 'concurrency' ? serveMs : amountOf(limit.unit, cost)
}

/** What each limit of an LLM lets through of a rank within a time from now: nothing until it is back from a failure. */
export function throughIn(view: LlmView, rank: number, now: number, ms: number): number[] {
  const backMs = isOpen(view) ? 0 : Math.max(0, view.wakeAt - now)
  return view.account.ledgers.map((ledger) => (ms <= backMs ? 0 : letsThrough(ledger, now, ms, rank)))
}

/** What a limit lets through of a rank within a time from now: what is free, and what comes back, again and again. */
export function letsThrough(ledger: Ledger, now: number, ms: number, rank = 0): number {
  const { reserved } = ledger
  const limit = without(ledger.limit, ceilingHold(ledger.limit, rank, 0))
  if (limit.unit === 'concurrency') return limit.amount * ms
  const periods = Math.floor(ms / limit.perMs)
  const load = windowOf(limit).loadAt(ledger, now + ms - periods * limit.perMs) + reserved
  const through = Math.max(0, capacityOf(limit) - load) + periods * limit.amount
  return rank > 0 && isPaced(limit) ? Math.min(through, pacedUntil(ledger, now, now + ms)) : through
}
