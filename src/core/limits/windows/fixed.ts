import type { Limit } from '../../types.ts'
import { logWindow } from './log.ts'
import { slidingExpiry } from './sliding.ts'

/**
 * A window of known phase counts from boundary to boundary. A call within the guard of a boundary, before it or
 * after, may be counted on either side of it and counts in both windows; all the room of the new window comes
 * with the end of the guard. Sustains the whole limit. A window of unknown phase is kept as a sliding one.
 */
export const fixed = logWindow((limit, at) =>
  limit.phaseMs === null ? slidingExpiry(limit, at) : boundaryAfter(limit, limit.phaseMs, at),
)

function boundaryAfter({ perMs, guardMs }: Limit, phaseMs: number, at: number): number {
  const windows = Math.floor((at + guardMs - phaseMs) / perMs) + 1
  return phaseMs + windows * perMs + guardMs
}
