import type { Limit } from '../core/types.ts'
import { fullLimit } from './limits.ts'
import type { RawLimit, RawLlm } from './llm-schema.ts'
import type { Finding } from './problems.ts'
import { durationText } from './units.ts'

/** An LLM with its place in `llms`. */
export interface PlacedLlm {
  readonly llm: RawLlm
  readonly index: number
}

/** One entry of `limits` that has a name. */
interface Named {
  readonly limit: Limit
  readonly quantum: number | null
  readonly llm: number
  readonly path: readonly (string | number)[]
}

/** Limits of one name are one limit, and have to be the same wherever they are written. */
export function checkShared(llms: readonly PlacedLlm[]): Finding[] {
  const first = new Map<string, Named>()
  return llms.flatMap(namedLimits).flatMap((named): Finding[] => {
    const { shared } = named.limit
    const earlier = first.get(shared!)
    if (earlier === undefined) first.set(shared!, named)
    if (earlier === undefined || earlier.llm === named.llm) return []
    return differences(earlier, named)
  })
}

function namedLimits({ llm, index }: PlacedLlm): Named[] {
  return llm.limits.flatMap((raw, i): Named[] => {
    if (raw.name === undefined || (raw.per === undefined && raw.unit !== 'concurrency')) return []
    const path = ['llms', index, 'limits', i]
    return [{ limit: fullLimit(llm, raw), quantum: raw.quantum ?? null, llm: index, path }]
  })
}

function differences(earlier: Named, later: Named): Finding[] {
  const before = written(earlier)
  return Object.entries(written(later)).flatMap(([key, value]): Finding[] => {
    const other = before[key as keyof RawLimit]
    if (value === other) return []
    const message = `"${later.limit.shared}" is shared with llms[${earlier.llm}], where this is ${other}, not ${value}`
    return [{ path: [...later.path, key], message }]
  })
}

/** What has to agree, by the keys it is written under. */
function written({ limit, quantum }: Named): Partial<Record<keyof RawLimit, string>> {
  const ms = (value: number | null) => (value === null ? 'not given' : durationText(value))
  return {
    unit: limit.unit,
    amount: String(limit.amount),
    per: ms(limit.perMs),
    window: limit.window,
    time_zone: limit.timeZone ?? 'not given',
    phase: ms(limit.phaseMs),
    burst: limit.burst === null ? 'not given' : String(limit.burst),
    quantum: ms(quantum),
    charge: limit.charge,
    jitter_guard: ms(limit.guardMs),
    pace: String(limit.pace ?? 'not given'),
  }
}
