import { closeSync, openSync, readSync } from 'node:fs'

const CHUNK_BYTES = 65_536
/** No event is nearly as long; a file without lines must not fill the memory. */
const LINE_BYTES_MAX = 64 * 1_048_576
const NEWLINE = 10

/**
 * The lines of a file, of which only one is held at a time; `reached` hears how many bytes were read. Throws what keeps
 * the file from being read as text.
 */
export function* readLines(path: string, reached: (bytes: number) => void = () => {}): Generator<string> {
  const file = openSync(path, 'r')
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  try {
    let rest: Buffer[] = []
    let size = 0
    let read = 0
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const bytes = chunk.subarray(0, readSync(file, chunk))
      if (bytes.length === 0) break
      read += bytes.length
      reached(read)
      let start = 0
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        yield decoder.decode(Buffer.concat([...rest, bytes.subarray(start, end)]))
        rest = []
        size = 0
        start = end + 1
      }
      rest.push(bytes.subarray(start))
      size += bytes.length - start
      if (size > LINE_BYTES_MAX) throw new Error(`it has a line of more than ${LINE_BYTES_MAX} bytes`)
    }
    const last = Buffer.concat(rest)
    if (last.length > 0) yield decoder.decode(last)
  } finally {
    closeSync(file)
  }
}
