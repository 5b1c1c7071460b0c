/** The scales on which people write quality and prices, as integers. */

/** A quality in thousandths: 0 to 1 as it is, above 1 on a scale of 1 to 10. */
export function thousandthsOf(quality: number): number {
  return Math.round((quality > 1 ? quality / 10 : quality) * 1000)
}

/** Dollars in nano-dollars. */
export function nanoUsdOf(usd: number): number {
  return Math.round(usd * 1_000_000_000)
}
