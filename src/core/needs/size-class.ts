/** Four classes for each power of two; a whole number for each of 0 to 7. Integer arithmetic, the same everywhere. */
export function sizeClass(tokens: number): number {
  const n = Math.min(tokens, 2 ** 31 - 1)
  if (n < 8) return n
  const octave = 31 - Math.clz32(n)
  return octave * 4 - 4 + ((n >> (octave - 2)) & 3)
}

/** The smallest size of a class. */
export function leastOf(size: number): number {
  if (size < 8) return size
  const octave = (size + 4) >> 2
  return (4 + ((size + 4) & 3)) * 2 ** (octave - 2)
}

/** The largest size of a class. */
export function largestOf(size: number): number {
  return leastOf(size + 1) - 1
}
