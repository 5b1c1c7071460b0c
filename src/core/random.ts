/** A seeded source of numbers. The same seed and label give the same numbers on every machine. */
export interface Random {
  /** At least 0 and below 1. */
  next(): number
  /** A whole number of at least 0 and below `bound`. */
  integer(bound: number): number
  /** A source of its own, independent of how much was drawn from this one. */
  fork(label: string): Random
}

/** sfc32 (Chris Doty-Humphrey, PractRand), its state filled from a 32-bit hash of seed and label. */
export function createRandom(seed: number, label = ''): Random {
  const word = hash(`${seed}/${label}`)
  let a = word()
  let b = word()
  let c = word()
  let counter = 1

  function bits(): number {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  // The first outputs still show the seed.
  for (let round = 0; round < 12; round++) bits()

  return {
    next: () => bits() / 2 ** 32,
    integer: (bound) => Math.floor((bits() / 2 ** 32) * bound),
    fork: (inner) => createRandom(seed, `${label}/${inner}`),
  }
}

/** FNV-1a over the characters, then one avalanche (MurmurHash3's finaliser) per word drawn. */
function hash(text: string): () => number {
  let state = 0x811c9dc5
  for (let index = 0; index < text.length; index++)
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193)
  return () => {
    state = (state + 0x9e3779b9) | 0
    let word = state
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return word ^ (word >>> 16)
  }
}
