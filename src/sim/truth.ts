import type { Random } from '../core/random.ts'
import { capacityOf, GUARD_MS, type Limit, type WindowKind } from '../core/types.ts'
import type { Counting, CountingKind } from './meter.ts'
import type { Charge, TrueLimit } from './quota.ts'
import { DAY_MS } from '../core/time.ts'

/** How fast an LLM is of which nothing is known. */
export const ORDINARY_SPEED = { firstByteMs: 600, tokensPerSecond: 80 }

/** How a way of counting is declared to the balancer, and whether declaring it so promises that nothing is refused. */
export interface Declaration {
  readonly window: WindowKind
  readonly promised: boolean
}

/** One line for each way of counting there is. */
export const DECLARED: Readonly<Record<CountingKind, Declaration>> = {
  fixed: { window: 'fixed', promised: true },
  anchored: { window: 'fixed', promised: true },
  sliding: { window: 'sliding', promised: true },
  bucket: { window: 'bucket', promised: true },
  calendar: { window: 'calendar', promised: true },
  counter: { window: 'universal', promised: true },
  quantised: { window: 'sliding', promised: false },
}

/** Windows after which the balancer has all room back that was once used up. */
export const REST_WINDOWS: Readonly<Record<WindowKind, number>> = {
  sliding: 1,
  fixed: 1,
  bucket: 1,
  calendar: 1,
  universal: 2,
}

/** Whether nothing is refused that is charged by this rule. */
export const CHARGED: Readonly<Record<Charge, boolean>> = {
  reserve_trueup: true,
  actual_at_end: true,
  actual_as_produced: true,
  input_uncached_only: true,
  reserve_no_refund: true,
}

/** Whether the balancer must keep to a limit that is declared as it is. */
export function isPromised({ unit, counting, charge }: Omit<TrueLimit, 'promised'>): boolean {
  if (unit === 'concurrency') return true
  return DECLARED[counting.kind].promised && (unit === 'requests' || CHARGED[charge])
}

/** The limit as a configuration declares it. */
export function declared({ name, unit, amount, perMs, counting, charge }: TrueLimit): Limit {
  const { window } = DECLARED[counting.kind]
  const timeZone = counting.kind === 'calendar' ? counting.zone : null
  return {
    name,
    unit,
    amount,
    perMs,
    window: unit === 'concurrency' ? 'sliding' : window,
    timeZone,
    phaseMs: null,
    burst: counting.kind === 'bucket' ? counting.capacity : null,
    charge,
    shared: null,
    guardMs: GUARD_MS,
  }
}

/**
 * The limit where nobody says how its provider counts: a log is safe for it, and headers may show more. Limits of even
 * amounts stay as they are declared, so that both are seen.
 */
export function undeclared(limit: Limit): Limit {
  const { unit, window, amount, burst } = limit
  const isSafe = window === 'sliding' || window === 'fixed' || (window === 'bucket' && burst === amount)
  if (unit === 'concurrency' || !isSafe || amount % 2 === 0) return limit
  return { ...limit, window: 'sliding', burst: null, assumed: true }
}

/** What a provider enforces if a configuration is right about it; windows of unknown phase get one. */
export function truthOf(limit: Limit, random: Random): TrueLimit {
  const { name, unit, amount, perMs } = limit
  const counting = countingOf(limit, random)
  const charge = limit.charge === 'unknown' ? 'reserve_trueup' : limit.charge
  return { name, unit, amount, perMs, counting, charge, promised: true }
}

function countingOf(limit: Limit, random: Random): Counting {
  const { window, perMs, timeZone, unit, phaseMs } = limit
  if (unit === 'concurrency') return { kind: 'sliding' }
  switch (window) {
    case 'sliding':
      return { kind: 'sliding' }
    case 'bucket':
      return { kind: 'bucket', capacity: capacityOf(limit) }
    case 'calendar':
      if (perMs === DAY_MS) return { kind: 'calendar', zone: timeZone ?? 'UTC', period: 'day' }
      if (perMs >= 28 * DAY_MS) return { kind: 'calendar', zone: timeZone ?? 'UTC', period: 'month' }
      return { kind: 'fixed', phaseMs: random.integer(perMs) }
    case 'fixed':
      return { kind: 'fixed', phaseMs: phaseMs ?? random.integer(perMs) }
    case 'universal':
      return { kind: 'counter', phaseMs: random.integer(perMs) }
  }
}
