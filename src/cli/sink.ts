import { once } from 'node:events'
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'

/** Where a command writes much of something; it never holds more than was handed to it at once. */
export interface Sink {
  write(text: string): Promise<void>
  /** Ends it. What a file held before is replaced only now, and only where the whole was written. */
  end(whole: boolean): void
}

/** Writes at the pace of whoever reads. */
export function standardOutput(): Sink {
  return {
    async write(text) {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain')
    },
    end() {},
  }
}

/** Throws what keeps the file from being written. */
export function fileSink(path: string): Sink {
  const partial = `${path}.partial`
  const file = openSync(partial, 'w')
  return {
    async write(text) {
      const bytes = Buffer.from(text)
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
    },
    end(whole) {
      closeSync(file)
      if (whole) renameSync(partial, path)
      else rmSync(partial)
    },
  }
}
