import { type Entries, firstFrom, forget, take, total, totalFrom } from '../entries.ts'
import type { Ledger } from '../ledger.ts'
import type { Limit } from '../../types.ts'
import type { Window } from '../window.ts'

/** Amounts above this are kept at a coarser grain, since there can be that many entries in one window. */
const GRAINS_PER_WINDOW = 120

/** How long an entry is kept: the window itself, the one before it, and the guard. */
const keptMs = ({ perMs, guardMs }: Limit) => 2 * perMs + guardMs

/**
 * An amount is kept as of the end of its grain: no phase of any provider counts a later call for less. The grain is
 * a 120th of the window, or 1 ms for a limit so small that no more than a few hundred entries can ever be kept.
 */
function grained({ amount, perMs }: Limit, expiry: number): number {
  const grain = amount <= GRAINS_PER_WINDOW ? 1 : Math.ceil(perMs / GRAINS_PER_WINDOW)
  return Math.ceil(expiry / grain) * grain
}

/**
 * What the phases of the provider's windows count that can count most. In phase k the present window began at
 * `begins[k]` and holds `current[k]`; the window before it held `previous[k]`.
 */
interface Phases {
  readonly begins: Float64Array
  readonly current: Float64Array
  readonly previous: Float64Array
}

/**
 * The count of a phase falls as the phase moves on until a booking enters at an edge, so that a window need only begin
 * right at a booking, or W after one. O(entries).
 */
function findPhases({ entries, limit: { perMs, guardMs } }: Ledger): Phases {
  const { untils, sums, head, gone } = entries
  const end = untils.length
  const begins = new Float64Array(2 * (end - head))
  const current = new Float64Array(begins.length)
  const previous = new Float64Array(begins.length)
  const kept = 2 * perMs + guardMs
  const all = end === 0 ? 0 : sums[end - 1]!
  let [older, newer, before, beforeOlder, beforeNewer] = [head, head, gone, gone, gone]
  let k = 0
  for (let i = head; i < end; i++) {
    const until = untils[i]!
    while (untils[older]! < until - perMs) beforeOlder = sums[older++]!
    while (newer < end && untils[newer]! < until + perMs) beforeNewer = sums[newer++]!
    begins[k] = until - kept
    current[k] = all - before
    previous[k++] = before - beforeOlder
    begins[k] = until - kept + perMs
    current[k] = all - beforeNewer
    previous[k++] = beforeNewer - before
    before = sums[i]!
  }
  return { begins, current, previous }
}

/** Index of the first entry that the log over the last W + guard still counts at `at`. */
function firstRecent(entries: Entries, { perMs }: Limit, at: number): number {
  return firstFrom(entries, at + perMs + 1)
}

/**
 * The most that any phase counts: for a window that began e before `at`, all since then and the share 1 - e / W of
 * the window before it. Calls may have travelled for longer or shorter by the guard, so a window takes in what
 * was sent up to the guard before it began. O(entries), kept for the instant it was found at.
 */
function loadAt(ledger: Ledger, at: number): number {
  const { entries, limit, peak } = ledger
  if (peak.at === at) return peak.load
  const { perMs, guardMs } = limit
  let load = totalFrom(entries, firstRecent(entries, limit, at))
  const { begins, current, previous } = findPhases(ledger)
  const latest = at - guardMs
  for (let k = 0; k < begins.length; k++) {
    const begun = latest - begins[k]!
    if (current[k]! + previous[k]! <= load || begun < 0 || begun >= perMs) continue
    load = Math.max(load, current[k]! + Math.ceil((previous[k]! * (perMs - begun)) / perMs))
  }
  ledger.peak = { at, load }
  return load
}

function clearsAt(ledger: Ledger, load: number, now: number): number {
  if (total(ledger.entries) <= load) return now
  const { perMs, guardMs } = ledger.limit
  const { begins, current, previous } = findPhases(ledger)
  let at = now
  for (let k = 0; k < begins.length; k++) {
    const ends = begins[k]! + perMs + guardMs
    if (ends <= at || current[k]! + previous[k]! <= load) continue
    // What the present window holds leaves the load to itself only as a whole, when it is W + guard old.
    const early = current[k]! > load ? 0 : Math.floor(((load - current[k]!) * perMs) / previous[k]!)
    at = Math.max(at, ends - early)
  }
  return at
}

/**
 * Safe whichever of the usual ways the provider counts, the weighted count of two fixed windows included, which neither
 * a log nor a bucket is: for every e in (0, W], what was sent in the last e, the cost and the share 1 - e / W of what
 * was sent in the W before are together at most the limit. It still lets a whole limit through at once after a rest.
 * Sustains (L - 1) / L of what a sliding window does. At most some 500 entries.
 */
export const universal: Window = {
  expiryOf: (limit, at) => grained(limit, at + keptMs(limit)),
  expiryOfForeign: (limit, until) => grained(limit, until + limit.perMs),
  forget: ({ entries }, now) => forget(entries, now),
  giveBack: ({ entries }, amount, expiry) => void take(entries, amount, expiry),
  loadAt,
  clearsAt,
  earliestFor(ledger, demand, now) {
    const { amount, perMs, guardMs } = ledger.limit
    const rounds = Math.floor((demand - 1) / amount)
    return clearsAt(ledger, amount - (demand - rounds * amount), now) + rounds * (perMs + guardMs)
  },
}
