/** A price as a decimal number of dollars, without an exponent. */
export function usdOf(nanoUsd: number): string {
  if (nanoUsd === 0) return '0'
  const digits = String(nanoUsd).padStart(10, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`
}
