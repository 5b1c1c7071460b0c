import { largestOf, sizeClass } from './size-class.ts'

/**
 * How large the values of a stream have been lately: counts by size class, four classes for each power of two.
 * Integers alone, so that every runtime learns the same. At most 96 counts, whatever is seen.
 */
export interface Sketch {
  /** How often each class was seen, the latest counting most. */
  readonly counts: readonly number[]
  readonly total: number
}

export const EMPTY: Sketch = { counts: [], total: 0 }

/** Values from here on are one class. */
const LARGEST = 2 ** 25 - 1
/** When so many are counted, all counts are halved: the last few hundred values decide. */
const HALVE_AT = 512

/** The sketch after one more value, an integer of at least 0. */
export function noted({ counts, total }: Sketch, value: number): Sketch {
  const size = sizeClass(Math.min(value, LARGEST))
  const next = counts.slice()
  while (next.length <= size) next.push(0)
  next[size]!++
  if (total + 1 < HALVE_AT) return { counts: next, total: total + 1 }
  const halves = next.map((count) => count >> 1)
  return { counts: halves, total: halves.reduce((sum, count) => sum + count, 0) }
}

/** The value that `thousandths` of all values do not exceed, at most a quarter too high; 0 where none was seen. */
export function quantile({ counts, total }: Sketch, thousandths: number): number {
  let missing = Math.ceil((total * thousandths) / 1000)
  if (total === 0) return 0
  for (let size = 0; size < counts.length; size++) {
    missing -= counts[size]!
    if (missing <= 0) return largestOf(size)
  }
  return 0
}
