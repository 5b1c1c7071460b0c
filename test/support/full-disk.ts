import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import type { Event } from '../../src/core/events.ts'
import { Journal } from '../../src/log/writing/journal.ts'
import { openLogReader } from '../../src/log/sqlite.ts'
import { openWriter } from '../../src/log/writing/writer.ts'
import { ticks } from './events.ts'

/**
 * Writes a log on a disk that is full again and again, each time a little later in a write than before, and tells as
 * JSON what came of it. The disk is full for this process alone: the system lets it write no further into a file.
 * Usage: `node full-disk.ts PATH TIMES`.
 */
const [, , path = '', times = ''] = process.argv
const STEP_BYTES = 700

const committed: Event[] = []
const troubles: string[] = []
let resumes = 0
const writer = await openWriter(path)
const journal = new Journal({
  writer,
  committed: (event) => void committed.push(event),
  trouble: (message) => void troubles.push(message),
  renewed() {},
  resumed: () => void resumes++,
})

let seq = 1
async function write(count: number): Promise<void> {
  for (const event of ticks(count, seq)) journal.append(event)
  seq += count
  await journal.flush()
}

await write(1)
for (let time = 1; time <= Number(times); time++) {
  allowBytes(statSync(`${path}-wal`).size + time * STEP_BYTES)
  while (journal.health().status === 'ok') await write(40)
  await write(5)
  allowBytes(null)
  await write(5)
}
await journal.flush()
await writer.close()
const log = openLogReader(path)
const seqs = [...log.read(0)].map((event) => event.seq)
log.close()
const inOrder = (all: readonly number[]) => all.length === seq - 1 && all.every((one, i) => one === i + 1)
process.stdout.write(
  JSON.stringify({
    logged: inOrder(seqs),
    committed: inOrder(committed.map((event) => event.seq)),
    failures: troubles.filter((text) => text.includes('cannot be written')).length,
    resumes,
    said: [...new Set(troubles)],
    ...journal.health(),
  }),
  () => process.exit(),
)

function allowBytes(bytes: number | null): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes ?? 'unlimited'}:`])
}
