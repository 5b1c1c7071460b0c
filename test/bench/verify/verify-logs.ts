import { readFileSync } from 'node:fs'
import { openLogReader } from '../../../src/log/sqlite.ts'
import { verify } from '../../../src/replay/verify/verify.ts'

/** Verifies the logs whose names are the lines of a file, and prints as JSON what came of them. */

/** What came of some logs. */
export interface Verified {
  readonly events: number
  readonly decisions: number
  readonly processes: number
  /** What was not verified, or differed: the log and why. */
  readonly wrong: readonly string[]
  readonly ms: number
  /** The most memory that was resident, looked at every 1000 events. */
  readonly peakMb: number
}

const files = readFileSync(process.argv[2]!, 'utf8').trimEnd().split('\n')
const since = performance.now()
let [events, decisions, processes, peak] = [0, 0, 0, 0]
const look = (seq: number) => {
  if (seq % 1000 === 0) peak = Math.max(peak, process.memoryUsage.rss())
}
const wrong: string[] = []
for (const file of files) {
  const log = openLogReader(file)
  const verified = verify(log, look)
  log.close()
  events += verified.events
  decisions += verified.decisions
  processes += verified.processes
  const { difference, unverified } = verified
  if (difference !== null) wrong.push(`${file}: event ${difference.seq}: ${difference.message}`)
  for (const { from, to, because } of unverified) wrong.push(`${file}: events ${from} to ${to}: ${because}`)
}
const ms = performance.now() - since
const result: Verified = { events, decisions, processes, wrong, ms, peakMb: peak / 1e6 }
process.stdout.write(JSON.stringify(result))
