import type { Random } from '../core/random.ts'

/** Whole numbers from `least` to `most`, falling off from `least` so that they are `mean` on average. */
export interface Spread {
  readonly least: number
  readonly mean: number
  readonly most: number
}

/** The same number every time. */
export function always(value: number): Spread {
  return { least: value, mean: value, most: value }
}

/** What lies beyond `most` counts as `most`, so that the real average is a little lower than `mean`. */
export function drawFrom({ least, mean, most }: Spread, random: Random): number {
  if (least === most) return least
  return Math.min(most, least + Math.floor((mean - least) * exponential(random) + 0.5))
}

/** Whether something happens that does so in `permille` of a thousand cases. */
export function chance(permille: number, random: Random): boolean {
  return random.integer(1000) < permille
}

/** One of a list, each as likely as the others. */
export function pick<T>(list: readonly T[], random: Random): T {
  return list[random.integer(list.length)]!
}

/** A whole number from `least` to `most`, each as likely as the others. */
export function between(least: number, most: number, random: Random): number {
  return least + random.integer(most - least + 1)
}

/**
 * Exponentially distributed with mean 1, by comparisons alone (von Neumann 1951, "Various techniques used in
 * connection with random digits"): a logarithm may differ in its last digit between engines. About 5 numbers drawn.
 */
export function exponential(random: Random): number {
  for (let whole = 0; ; whole++) {
    const first = random.next()
    let last = first
    let length = 1
    for (let next = random.next(); next < last; next = random.next()) {
      last = next
      length++
    }
    if (length % 2 === 1) return whole + first
  }
}
