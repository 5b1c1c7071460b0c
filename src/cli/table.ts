/** Rows as aligned text: the first `left` columns to the left, the others to the right, the last as it is. */
export function table(rows: readonly (readonly string[])[], left: number): string {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)),
    [],
  )
  const line = (row: readonly string[]) =>
    row.map((cell, i) =>
      i < left || i === row.length - 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!),
    )
  return rows.map((row) => `${line(row).join('  ').trimEnd()}\n`).join('')
}
