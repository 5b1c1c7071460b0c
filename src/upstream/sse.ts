const LF = 10
const CR = 13
const BLANK_LINE = /\n\r?\n|\r\r/g

/**
 * Where the last whole server-sent event ends: the offset after its blank line (`\n\n`, `\r\n\r\n` or `\r\r`), or 0.
 * An end takes up to three bytes, so the search goes back a little before `from`. O(1) when the bytes end with one.
 */
export function lastEvent(bytes: Uint8Array, from: number): number {
  for (let end = bytes.length; end > Math.max(1, from); end--) {
    const last = bytes[end - 1]
    const before = bytes[end - 2]
    if (last === LF && (before === LF || (before === CR && bytes[end - 3] === LF))) return end
    if (last === CR && before === CR) return end
  }
  return 0
}

/** Cuts a text into events, each with its blank line; the last one may lack it. Joined they are the text again. */
export function eventsOf(text: string): string[] {
  const events: string[] = []
  let start = 0
  for (const blank of text.matchAll(BLANK_LINE)) {
    const end = blank.index + blank[0].length
    events.push(text.slice(start, end))
    start = end
  }
  if (start < text.length) events.push(text.slice(start))
  return events
}

/** The `data` of one event, its lines joined as the specification of server-sent events says; '' when it has none. */
export function dataOf(event: string): string {
  return event
    .split(/\r\n|\n|\r/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(line.startsWith('data: ') ? 6 : 5))
    .join('\n')
}

/** The `data` of every event of a text that has any. */
export function dataTexts(text: string): string[] {
  return eventsOf(text)
    .map(dataOf)
    .filter((data) => data !== '')
}
