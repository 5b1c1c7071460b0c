import { amountOf, chargeOf, type Cost } from '../../core/limits/account.ts'
import { capacityOf, type Limit, type Unit } from '../../core/types.ts'
import { allowedBy, createMeter, type Meter } from './meters.ts'

/** How far one limit of one LLM was used while it was declared so. */
export interface LimitUse {
  readonly llm: string
  readonly limit: string
  readonly unit: Unit
  /** The name of the limit that several LLMs share; what all of them used is in it. */
  readonly shared: string | null
  /** Since when and until when it counts, in ms since 1970. */
  readonly from: number
  readonly to: number
  /** What can be taken from it at once. */
  readonly capacity: number
  /** The most that was used in one window; see {@link createMeter}. */
  readonly peak: number
  /** What was used and what it would have allowed, in its unit; in ms of one call for `concurrency`. */
  readonly used: number
  readonly allowed: number
}

/** An LLM of a configuration as far as its limits go. */
export interface Limited {
  readonly name: string
  readonly limits: readonly Limit[]
}

export interface Utilisation {
  /** These LLMs are declared from `at` on. A limit that is as it was goes on; any other begins anew. */
  declare(llms: readonly Limited[], at: number): void
  /** A call begins: it counts as a request, and takes a place. */
  began(llm: string, at: number): void
  /** A call that began before anything counted takes a place. */
  takePlace(llm: string, at: number): void
  /** A call ends, of which `reserved` was set aside and that took `cost`: only now its tokens are known, and count. */
  ended(llm: string, cost: Cost, reserved: Cost, at: number): void
  /** What was used until `to`, in the order of the configuration, what is no longer declared first. */
  result(to: number): LimitUse[]
}

/** A limit while it is declared. */
interface Use {
  readonly llm: string
  readonly limit: Limit
  readonly from: number
  readonly meter: Meter
}

/** Adds up what is used of every limit. O(limits of the LLM) a call; memory by limit. */
export function createUtilisation(): Utilisation {
  const closed: LimitUse[] = []
  let uses = new Map<string, Use[]>()

  const usesOf = (llm: string): readonly Use[] => uses.get(llm) ?? []
  return {
    declare(llms, at) {
      const before = [...uses.values()].flat()
      const known = [...before]
      const useOf = (llm: string, limit: Limit): Use => {
        const same = known.filter((use) => isSame(use.limit, limit))
        const own = same.find((use) => use.llm === llm)
        if (own !== undefined) return own
        const meter = (limit.shared ?? null) === null ? undefined : same[0]?.meter
        const use = { llm, limit, from: at, meter: meter ?? createMeter(limit) }
        known.push(use)
        return use
      }
      uses = new Map(llms.map(({ name, limits }) => [name, limits.map((limit) => useOf(name, limit))]))
      const kept = new Set([...uses.values()].flat())
      closed.push(...before.filter((use) => !kept.has(use)).map((use) => resultOf(use, at)))
    },
    began(llm, at) {
      for (const { limit, meter } of usesOf(llm))
        if (limit.unit === 'requests' || limit.unit === 'concurrency') meter.add(1, at)
    },
    takePlace(llm, at) {
      for (const { limit, meter } of usesOf(llm)) if (limit.unit === 'concurrency') meter.add(1, at)
    },
    ended(llm, cost, reserved, at) {
      for (const { limit, meter } of usesOf(llm))
        if (limit.unit === 'concurrency') meter.add(-1, at)
        else if (limit.unit !== 'requests') {
          const amount = chargeOf(limit, cost, amountOf(limit.unit, reserved))
          if (amount > 0) meter.add(amount, at)
        }
    },
    result: (to) => [...closed, ...[...uses.values()].flat().map((use) => resultOf(use, to))],
  }
}

/** What a configuration, as it stands in the log, says of limits; null where it says nothing. */
export function limitedIn(config: unknown): readonly Limited[] | null {
  const llms = (config as { llms?: unknown } | null)?.llms
  if (!Array.isArray(llms)) return null
  const isLimited = (llm: Partial<Limited> | null) =>
    typeof llm?.name === 'string' && Array.isArray(llm.limits)
  return llms.filter(isLimited)
}

/** Both are plain data that a configuration gave in the same order. */
function isSame(a: Limit, b: Limit): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function resultOf({ llm, limit, from, meter }: Use, to: number): LimitUse {
  const { name, unit, shared = null } = limit
  return {
    ...{ llm, limit: name, unit, shared, from, to },
    capacity: capacityOf(limit),
    peak: meter.peak,
    used: meter.used(to),
    allowed: allowedBy(limit, from, to),
  }
}
