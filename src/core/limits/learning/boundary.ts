import { chargedFrom } from '../charge.ts'
import { firstFrom } from '../entries.ts'
import { type Ledger, ownSince, underWay } from '../ledger.ts'
import { windowOf } from '../window.ts'
import { isWithin, refillRange, type Sighting, USUAL_MS } from './sighting.ts'

/** What speaks for fixed windows: sightings in a row that agree on one phase. Changed in place. */
export interface Boundary {
  readonly perMs: number
  /** The window that runs ends between these two instants, in ms since 1970. */
  earliest: number
  latest: number
  /** What the provider let in of ours in this window, at least, and in the one just before it. */
  letIn: number
  before: number
  /** What this window has shown so far. */
  shown: Shown
  /** Windows that proved how long they are, and those that proved when they begin too. */
  lengths: number
  windows: number
}

interface Shown {
  /** Its end is told neither as a log would nor as a bucket would. */
  readonly end: boolean
  /** It began before the first of our calls: it is not one that begins with a call. */
  readonly start: boolean
  /** What was used before it is gone at once: it is no weighted count of two windows. */
  readonly fresh: boolean
}

const NOTHING: Shown = { end: false, start: false, fresh: false }
/** So many windows have to prove it. */
const WINDOWS = 3
/** Of a window, for how long its end may be uncertain; of a limit, how much has to speak against a weighted count. */
const PART = 8

/** Takes in a sighting; one that does not agree begins anew. `books` counts what was sent as a log does. */
export function watchBoundary(known: Boundary | null, sighting: Sighting, books: Ledger): Boundary | null {
  const { limit, remaining, sentAt, at, resetMs, resetSlackMs } = sighting
  if (remaining === limit) return known
  const perMs = lengthFor(resetMs - resetSlackMs, books.limit.perMs)
  if (perMs === null) return null
  const own = { earliest: sentAt + resetMs - resetSlackMs, latest: at + resetMs + resetSlackMs }
  const boundary = known === null || known.perMs < perMs ? beginning(perMs, own) : known
  const later = windowsBetween(boundary, own)
  if (later === null) return beginning(perMs, own)
  const shift = later * boundary.perMs
  if (later > 0) roll(boundary, later)
  const back = later < 0 ? shift : 0
  boundary.earliest = Math.max(boundary.earliest, own.earliest - back)
  boundary.latest = Math.min(boundary.latest, own.latest - back)
  if (later >= 0) judge(boundary, sighting, books)
  return boundary
}

/** Whether `times` three windows have proven when the next one begins. */
export function isPhaseProven({ windows, earliest, latest, perMs }: Boundary, times: number): boolean {
  return windows >= WINDOWS * times && (latest - earliest) * PART <= perMs
}

/** Whether three windows have proven how long they are. They may begin with the first call. */
export function isLengthProven({ lengths }: Boundary): boolean {
  return lengths >= WINDOWS
}

type Span = Pick<Boundary, 'earliest' | 'latest'>

/** How many windows later than one end another one is; null when it can be the end of none of them. */
export function windowsBetween(
  { earliest, latest, perMs }: Span & { perMs: number },
  other: Span,
): number | null {
  const later = Math.floor((other.latest - earliest) / perMs)
  return latest + later * perMs < other.earliest ? null : later
}

function lengthFor(resetMs: number, expectedMs: number): number | null {
  const lengths = [...USUAL_MS, expectedMs].filter((ms) => ms >= resetMs)
  return lengths.length === 0 ? null : Math.min(...lengths)
}

function beginning(perMs: number, { earliest, latest }: Span): Boundary {
  return { perMs, earliest, latest, letIn: 0, before: 0, shown: NOTHING, lengths: 0, windows: 0 }
}

function roll(boundary: Boundary, windows: number): void {
  const { earliest, latest, perMs, letIn } = boundary
  Object.assign(boundary, {
    earliest: earliest + windows * perMs,
    latest: latest + windows * perMs,
    letIn: 0,
    before: windows === 1 ? letIn : 0,
    shown: NOTHING,
  })
}

function judge(boundary: Boundary, sighting: Sighting, books: Ledger): void {
  const { perMs, latest, shown } = boundary
  const { at } = sighting
  if (isStrange(boundary, sighting, books)) Object.assign(boundary, { lengths: 0, windows: 0 })
  boundary.letIn = Math.max(boundary.letIn, letInSince(books, latest - perMs))
  const now = {
    end: shown.end || showsEnd(boundary, sighting, books),
    start: shown.start || showsStart(boundary, books, at),
    fresh: shown.fresh || showsFresh(boundary, sighting),
  }
  boundary.shown = now
  if (!(shown.end && shown.fresh) && now.end && now.fresh) boundary.lengths++
  if (!isComplete(shown) && isComplete(now)) boundary.windows++
}

function isComplete({ end, start, fresh }: Shown): boolean {
  return end && start && fresh
}

/**
 * More is used than was sent from here: others use the limit too, or the numbers are off. Nothing is proven by such.
 */
function isStrange({ earliest, perMs }: Boundary, sighting: Sighting, books: Ledger): boolean {
  const { limit, remaining, countSlack } = sighting
  const sent = ownSince(books, earliest - perMs - books.limit.guardMs)
  return limit - remaining - countSlack > sent
}

/** A log holds the call itself for a whole window; a bucket refills as fast as its rate. */
function showsEnd({ perMs }: Boundary, sighting: Sighting, { limit: { guardMs } }: Ledger): boolean {
  const { sentAt, at, resetMs, resetSlackMs } = sighting
  return resetMs + resetSlackMs + at - sentAt + guardMs < perMs && !isWithin(perMs, refillRange(sighting))
}

/** A window that began with a call of ours would end a whole window after the first since the last one ended. */
function showsStart({ earliest, latest, perMs }: Boundary, books: Ledger, at: number): boolean {
  const { entries, limit } = books
  const began = earliest - perMs
  if (chargedFrom(limit) === 'end' || at > began + limit.perMs) return false
  const first = firstFrom(entries, windowOf(limit).expiryOf(limit, began - limit.guardMs))
  if (first >= entries.untils.length) return false
  const firstAt = entries.untils[first]! - limit.perMs - limit.guardMs
  return latest + limit.guardMs < firstAt + perMs
}

/**
 * A weighted count would still hold a share of what was let in before: it would tell more, or would not let in so much.
 */
function showsFresh(
  { earliest, perMs, before, letIn }: Boundary,
  { limit, remaining, at }: Sighting,
): boolean {
  const left = perMs - (at - (earliest - perMs))
  if (left <= 0) return false
  const weighted = (before / perMs) * left
  return limit - remaining + limit / PART < weighted || letIn + weighted > limit + limit / PART
}

/** What calls that have ended took of the limit since an instant, in this window at any rate. */
function letInSince(books: Ledger, since: number): number {
  return ownSince(books, since + books.limit.guardMs) - underWay(books)
}
