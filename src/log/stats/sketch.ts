/**
 * Times in ms with how often each was seen, in buckets. Up to 255 ms each time has its own; from there on every power
 * of two is cut into 128 equal ones, so that a bucket spans less than 1 % of the times in it.
 */
export interface Sketch {
  readonly count: number
  /** The longest time, exactly; 0 when there is none. */
  readonly max: number
  /** Takes in a time, an integer of at least 0. */
  add(ms: number): void
  /**
   * The time that this many thousandths stay within, by nearest rank, never more than it is and less by under 1 %; 0
   * when there is none. O(buckets).
   */
  quantile(permille: number): number
}

/** Bits of a time that are kept. */
const BITS = 8
const PER_POWER = 2 ** (BITS - 1)

/** Memory is bounded by 4,096 buckets, of which only those in use take any. */
export function createSketch(): Sketch {
  const buckets = new Map<number, number>()
  let [count, max] = [0, 0]
  return {
    get count() {
      return count
    },
    get max() {
      return max
    },
    add(ms) {
      count++
      if (ms > max) max = ms
      const bucket = bucketOf(ms)
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1)
    },
    quantile(permille) {
      const rank = Math.max(1, Math.ceil((count * permille) / 1000))
      let passed = 0
      for (const [bucket, times] of [...buckets].sort(([a], [b]) => a - b)) {
        passed += times
        if (passed >= rank) return leastOf(bucket)
      }
      return 0
    },
  }
}

/** Longer times than 24 days count as that. */
const MOST_MS = 2 ** 31 - 1

function bucketOf(ms: number): number {
  const shift = 32 - BITS - Math.clz32(Math.min(ms, MOST_MS))
  return shift <= 0 ? ms : shift * PER_POWER + (Math.min(ms, MOST_MS) >> shift)
}

/** The least time of a bucket. */
function leastOf(bucket: number): number {
  const shift = Math.floor(bucket / PER_POWER) - 1
  return shift <= 0 ? bucket : (bucket - shift * PER_POWER) * 2 ** shift
}
