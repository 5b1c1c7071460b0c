import { createCheck, type Summary } from '../log/lines/check.ts'
import { countOf, storedEvents } from '../log/lines/stored.ts'
import type { Values } from './command.ts'
import { withLog } from './log-option.ts'
import { createProgress } from './progress.ts'
import { counted, grouped } from './terminal.ts'

/** Problems that are told one by one; more are counted. */
const TOLD_MAX = 20

/** `llb log check`: what is wrong with a log, as lines; exit code 1 when something is. */
export function logCheck(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  return withLog(values, env, ({ reader }) => {
    const told: string[] = []
    let problems = 0
    const tell = (problem: string) => {
      if (++problems <= TOLD_MAX) told.push(problem)
    }
    const check = createCheck(tell)
    const progress = createProgress('checked', countOf(reader.db), 'events')
    let events = 0
    for (const event of storedEvents(reader.db, tell)) {
      check.see(event)
      if (++events % 1_000 === 0) progress.update(events)
    }
    progress.end()
    const summary = check.end()
    if (problems > TOLD_MAX) told.push(`and ${grouped(problems - TOLD_MAX)} more`)
    process.stdout.write([...told, describe(summary, problems)].join('\n'))
    return problems === 0 ? 0 : 1
  })
}

function describe(summary: Summary, problems: number): string {
  const { events, first, last, processes, requests, underWay, dropped } = summary
  const verdict = problems === 0 ? 'nothing is wrong' : counted(problems, 'problem')
  if (first === null || last === null) return `no events, ${verdict}\n`
  const time = (at: number) => new Date(at).toISOString()
  const older = first.seq === 1 ? '' : '; older ones are not there any more'
  return [
    `${counted(events, 'event')}, ${first.seq} to ${last.seq}${older}`,
    `${time(first.at)} to ${time(last.at)}`,
    `starts: ${grouped(processes)}, requests: ${grouped(requests)}, not ended: ${grouped(underWay)}`,
    ...(dropped === 0 ? [] : [`the disk did not take ${counted(dropped, 'event')}, as the log says`]),
    verdict,
    '',
  ].join('\n')
}
