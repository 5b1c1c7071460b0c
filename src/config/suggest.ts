/** Longest part of a word that is compared; what people mistype is far shorter. */
const MAX_LENGTH = 60

/** `; did you mean "rate_limit"?` for a word that is close to one of the known ones, otherwise nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  const match = nearest(word, known)
  return match === null ? '' : `; did you mean "${match}"?`
}

/** The known word that was most probably meant, or null when none is close. */
export function nearest(word: string, known: readonly string[]): string | null {
  const wanted = normal(word)
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(wanted, normal(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  if (best !== null && bestDistance < wanted.length) return best
  return known.find((candidate) => isPart(wanted, normal(candidate))) ?? null
}

function normal(word: string): string {
  return word.slice(0, MAX_LENGTH).toLowerCase().replaceAll(/[- ]/g, '_')
}

function isPart(wanted: string, candidate: string): boolean {
  const [short, long] = wanted.length < candidate.length ? [wanted, candidate] : [candidate, wanted]
  return short.length >= 4 && long.startsWith(short)
}

/** Edits that turn one word into the other, a swap of neighbours being one (optimal string alignment). */
function editDistance(left: string, right: string): number {
  let before: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      const edits = [current[column - 1]! + 1, previous[column]! + 1, previous[column - 1]! + (same ? 0 : 1)]
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      if (row > 1 && column > 1 && swapped) edits.push(before[column - 2]! + 1)
      current.push(Math.min(...edits))
    }
    before = previous
    previous = current
  }
  return previous[right.length]!
}
