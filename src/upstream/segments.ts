/** Longest piece of a stream without an end, in bytes; a longer one is no stream of events. */
export const SEGMENT_BYTES_MAX = 1024 * 1024

/**
 * Finds where the last whole piece in `bytes` ends: an offset, or 0 when none ends. Ends at or before `from` were
 * looked for earlier.
 */
export type LastBoundary = (bytes: Uint8Array, from: number) => number

/** Cuts a stream of bytes at the ends of whole pieces (events, lines), however the bytes arrive. */
export interface Segments {
  /** Whole pieces that are now complete, or null. The same array when it ends with a piece and nothing was held. */
  push(chunk: Uint8Array): Uint8Array | null
  /** Whether nothing is held. */
  readonly isEmpty: boolean
  /** What is held without an end, or null. */
  rest(): Uint8Array | null
  /** True once more than `SEGMENT_BYTES_MAX` had to be held; nothing works from then on. */
  readonly tooLong: boolean
}

/** A new, empty cutter. Costs O(1) for a chunk that ends with a piece, amortized O(n) otherwise. */
export function createSegments(lastBoundary: LastBoundary): Segments {
  let held = new Uint8Array(0)
  let length = 0

  const hold = (chunk: Uint8Array): void => {
    if (held.length < length + chunk.length) {
      const grown = new Uint8Array(Math.max(4096, 2 * (length + chunk.length)))
      grown.set(held.subarray(0, length))
      held = grown
    }
    held.set(chunk, length)
    length += chunk.length
  }

  return {
    push(chunk) {
      if (length === 0) {
        const cut = lastBoundary(chunk, 0)
        if (cut === chunk.length) return chunk
        hold(chunk.subarray(cut))
        return cut === 0 ? null : chunk.subarray(0, cut)
      }
      const before = length
      hold(chunk)
      const cut = lastBoundary(held.subarray(0, length), before)
      if (cut === 0) return null
      const ready = held.slice(0, cut)
      held.copyWithin(0, cut, length)
      length -= cut
      return ready
    },
    get isEmpty() {
      return length === 0
    },
    rest: () => (length === 0 ? null : held.slice(0, length)),
    get tooLong() {
      return length > SEGMENT_BYTES_MAX
    },
  }
}
