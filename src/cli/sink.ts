import { once } from 'node:events'
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'

/** Where a command writes much of something: it never holds more than was handed to it at once. */
export interface Sink {
  /** False when nobody reads any more. */
  write(text: string): Promise<boolean>
  /** Ends it; what a file held before is replaced only now, and only where the whole was written. */
  end(whole: boolean): void
}

/** Writes at the pace of whoever reads. A reader that has seen enough, such as `head`, is no error. */
export function standardOutput(): Sink {
  const out = process.stdout
  let open = true
  const close = () => {
    open = false
  }
  out.once('error', close)
  return {
    async write(text) {
      if (open && !out.write(text)) await once(out, 'drain').catch(close)
      return open
    },
    end: () => void out.off('error', close),
  }
}

/** Throws what keeps the file from being written. */
export function fileSink(path: string): Sink {
  const partial = `${path}.partial`
  const file = openSync(partial, 'w')
  return {
    async write(text) {
      writeAll(file, Buffer.from(text))
      return true
    },
    end(whole) {
      closeSync(file)
      if (whole) renameSync(partial, path)
      else rmSync(partial)
    },
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
}
