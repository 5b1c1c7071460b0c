import { createCheck, type Summary } from '../log/check.ts'
import { openLogReader } from '../log/sqlite.ts'
import { storedEvents } from '../log/stored.ts'
import { logFileOf, withLog } from './log-file.ts'

type Values = Readonly<Record<string, string | boolean | undefined>>

/** Problems that are told one by one; more are counted. */
const TOLD_MAX = 20

/** `llb log check`: what is wrong with a log, as lines; exit code 1 when something is. */
export function logCheck(values: Values, env: NodeJS.ProcessEnv): number | Promise<number> {
  const file = logFileOf(values, env)
  if (file === null) return 2
  return withLog(() => {
    const log = openLogReader(file)
    let problems = 0
    const tell = (problem: string) => {
      if (++problems <= TOLD_MAX) process.stdout.write(`${problem}\n`)
    }
    const check = createCheck(tell)
    try {
      for (const event of storedEvents(log.db, tell)) check.see(event)
    } finally {
      log.close()
    }
    if (problems > TOLD_MAX) process.stdout.write(`and ${problems - TOLD_MAX} more\n`)
    process.stdout.write(describe(check.summary(), problems))
    return problems === 0 ? 0 : 1
  })
}

function describe({ events, first, last, processes, requests, underWay }: Summary, problems: number): string {
  const verdict = problems === 0 ? 'nothing is wrong' : `${problems} problems`
  if (first === null || last === null) return `no events, ${verdict}\n`
  const time = (at: number) => new Date(at).toISOString()
  const older = first.seq === 1 ? '' : '; older ones are not there any more'
  return [
    `${events} events, ${first.seq} to ${last.seq}${older}`,
    `${time(first.at)} to ${time(last.at)}`,
    `${processes} starts, ${requests} requests came in, ${underWay} had not ended`,
    verdict,
    '',
  ].join('\n')
}
