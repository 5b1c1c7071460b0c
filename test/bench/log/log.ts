import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '../../../src/core/random.ts'
import { openLogReader } from '../../../src/log/sqlite.ts'
import { machine, writeBetweenMarkers } from '../report.ts'
import { buildLog } from './build.ts'
import { simulatedDay } from './day.ts'
import { judgeLog, type LogResults, renderLog } from './log-report.ts'
import { measureCommand, measureFold, measureRetention } from './measure.ts'

/**
 * What the event log takes: append, fold, and a look back into ten million events.
 * `npm run bench:log` measures, updates docs/benchmarks.md and ends with 1 when a target is missed.
 * `-- --quick` only shows that everything works, on a small log: it writes nothing and ends with 0.
 */
const quick = process.argv.includes('--quick')
const effort = quick
  ? { share: 0.02, events: 5_000, folded: 2_000, places: 1, slices: 1 }
  : { share: 1, events: 10_000_000, folded: 2_000_000, places: 10, slices: 1_000 }

const folder = mkdtempSync(join(tmpdir(), 'llb-bench-log-'))
const file = join(folder, 'events.db')

/** Places all over the log. */
function placesIn(events: number): number[] {
  const random = createRandom(1, 'places')
  return Array.from({ length: effort.places }, () => 1 + random.integer(events))
}

/** The first place as it is, the next by its time, and so on. */
function written(places: readonly number[]): string[] {
  const log = openLogReader(file)
  const texts = places.map((seq, i) => {
    if (i % 2 === 0) return String(seq)
    const [event] = log.readFrom(seq)
    return new Date(event!.at).toISOString()
  })
  log.close()
  return texts
}

/** A request at each of some places. */
function requestsAt(places: readonly number[]): string[] {
  const log = openLogReader(file)
  const found = places.flatMap((seq) => {
    for (const { type, request } of log.readFrom(seq)) if (type === 'request.completed') return [request!]
    return []
  })
  log.close()
  return found
}

async function measured(): Promise<LogResults> {
  const tell = (text: string) => void process.stderr.write(`${text}\n`)
  tell('simulating a day')
  const day = simulatedDay(effort.share)
  tell(`writing ${effort.events} events`)
  const built = await buildLog(file, day, effort.events)
  tell('folding')
  const fold = measureFold(file, effort.folded, quick ? 1 : 3)
  tell('looking back')
  const places = placesIn(built.events)
  const on = ['--log', file]
  const scratch = join(folder, 'peak')
  const replayAt = await measureCommand(
    written(places).map((place) => ['replay', ...on, '--at', place]),
    scratch,
  )
  const explain = await measureCommand(
    requestsAt(places).map((id) => ['explain', ...on, id]),
    scratch,
  )
  tell('deleting')
  const retention = measureRetention(file, effort.slices)
  return { built, fold, replayAt, explain, retention }
}

try {
  const results = await measured()
  const lines = judgeLog(results)
  const report = `${renderLog(lines, results)}\n${machine()}`
  process.stdout.write(`${report}\n`)
  if (!quick) {
    writeBetweenMarkers(
      new URL('../../../docs/benchmarks.md', import.meta.url).pathname,
      report,
      'npm run bench:log',
    )
    process.exitCode = lines.every(({ met }) => met) ? 0 : 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
