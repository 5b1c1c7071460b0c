const LEVELS = '▁▂▃▄▅▆▇█'

/** One character for each number, as high as its share of the greatest; a space for 0. */
export function sparkline(numbers: readonly number[]): string {
  const most = Math.max(0, ...numbers)
  return numbers
    .map((number) => (number === 0 ? ' ' : LEVELS[Math.max(0, Math.ceil((number / most) * 8) - 1)]!))
    .join('')
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A share, from 0 to 1 and more, as a bar of at most `width` characters, to the eighth of one. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * width * 8)
  return `${'█'.repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8]}`
}
