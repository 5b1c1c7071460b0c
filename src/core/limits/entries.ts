/**
 * Amounts in order of the instant until which they count, with running sums, so that what has gone by an instant, and
 * the instant by which so much has gone, are found by bisection. All numbers are integers.
 */
export interface Entries {
  /** Ascending, in ms since 1970; entries before `head` are gone. */
  readonly untils: number[]
  /** Sum of all amounts up to and with each entry. */
  readonly sums: number[]
  head: number
  /** Sum of the amounts before `head`. */
  gone: number
}

export function createEntries(): Entries {
  return { untils: [], sums: [], head: 0, gone: 0 }
}

/** Entries of their own with the same amounts. */
export function copyOf({ untils, sums, head, gone }: Entries): Entries {
  return { untils: untils.slice(), sums: sums.slice(), head, gone }
}

/** What has not gone yet. */
export function total({ sums, gone }: Entries): number {
  return sums.length === 0 ? 0 : sums[sums.length - 1]! - gone
}

/** Sum of the entries from `index` on. */
export function totalFrom({ sums }: Entries, index: number): number {
  if (index >= sums.length) return 0
  return sums[sums.length - 1]! - (index === 0 ? 0 : sums[index - 1]!)
}

/** The amount of one entry. */
export function amountAt({ sums }: Entries, index: number): number {
  return sums[index]! - (index === 0 ? 0 : sums[index - 1]!)
}

/** Gone entries are removed when they are more than half of at least so many. */
const COMPACT_AT = 1024

/** Lets go of the entries that no longer count at `now`. Amortised O(1). */
export function forget(entries: Entries, now: number): void {
  const { untils, sums } = entries
  let { head } = entries
  if (head >= untils.length || untils[head]! > now) return
  while (head < untils.length && untils[head]! <= now) head++
  entries.gone = sums[head - 1]!
  entries.head = head
  if (head === untils.length || (head > COMPACT_AT && head * 2 > untils.length)) compact(entries)
}

function compact(entries: Entries): void {
  const { untils, sums, head, gone } = entries
  untils.splice(0, head)
  sums.splice(0, head)
  for (let i = 0; i < sums.length; i++) sums[i]! -= gone
  entries.head = 0
  entries.gone = 0
}

/** Adds an amount above 0 that counts until `until`. O(1) for the latest, else O(entries after it). */
export function add(entries: Entries, amount: number, until: number): void {
  const { untils, sums } = entries
  const last = untils.length - 1
  if (last < 0 || untils[last]! < until) {
    untils.push(until)
    sums.push((last < 0 ? 0 : sums[last]!) + amount)
    return
  }
  const at = firstFrom(entries, until)
  if (untils[at] !== until) {
    untils.splice(at, 0, until)
    sums.splice(at, 0, at === 0 ? 0 : sums[at - 1]!)
  }
  for (let i = at; i < sums.length; i++) sums[i]! += amount
}

/** Takes an amount off the entry of `until`; false when that has gone. O(entries after it). */
export function take(entries: Entries, amount: number, until: number): boolean {
  const { untils, sums } = entries
  const at = firstFrom(entries, until)
  if (untils[at] !== until) return false
  for (let i = at; i < sums.length; i++) sums[i]! -= amount
  if (amountAt(entries, at) === 0) {
    untils.splice(at, 1)
    sums.splice(at, 1)
  }
  return true
}

/** Index of the first entry that counts until `until` or longer. O(log n). */
export function firstFrom({ untils, head }: Entries, until: number): number {
  let low = head
  let high = untils.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (untils[middle]! < until) low = middle + 1
    else high = middle
  }
  return low
}

/** What still counts at `at`, now or later. O(log n), O(1) for now. */
export function totalAt(entries: Entries, at: number): number {
  const { untils, head } = entries
  if (head >= untils.length || untils[head]! > at) return total(entries)
  return totalFrom(entries, firstFrom(entries, at + 1))
}

/** Index of the first entry after which at most `amount` counts; -1 when no more than that counts now. O(log n). */
export function firstLeaving(entries: Entries, amount: number): number {
  const { sums, head, gone } = entries
  const enough = total(entries) - amount + gone
  if (enough <= gone) return -1
  let low = head
  let high = sums.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sums[middle]! < enough) low = middle + 1
    else high = middle
  }
  return low
}
