import { openLogReader } from '../log/sqlite.ts'
import { explain } from '../replay/explain.ts'
import { pastOf } from '../replay/past-before.ts'
import { describeExplanation } from './explain-report.ts'
import { logFileOf, withLog } from './log-file.ts'

interface Values {
  readonly operand?: string | boolean | undefined
  readonly config?: string | boolean | undefined
  readonly log?: string | boolean | undefined
  readonly json?: string | boolean | undefined
}

/** `llb explain`: the life of one request, read beside a running server. */
export async function explainCommand(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  const path = logFileOf(values, env)
  if (path === null) return 2
  return withLog(() => {
    const log = openLogReader(path)
    const told = explain(log, String(values.operand), pastOf(log))
    log.close()
    if ('missing' in told) {
      process.stderr.write(`${told.message}\n`)
      return 1
    }
    const text = values.json === true ? `${JSON.stringify(told, null, 2)}\n` : describeExplanation(told)
    process.stdout.write(text)
    return 0
  })
}
