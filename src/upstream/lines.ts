const LF = 10

/** Where the last whole line ends (NDJSON): the offset after its line feed, or 0; before `from` there is none. */
export function lastLine(bytes: Uint8Array, from: number): number {
  const at = bytes.subarray(from).lastIndexOf(LF)
  return at < 0 ? 0 : from + at + 1
}

/** The lines of a text that hold anything. */
export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}
