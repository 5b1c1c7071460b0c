import { explain } from '../replay/explain/explain.ts'
import { describeExplanation } from './explain-report.ts'
import { withLog } from './log-option.ts'

interface Values {
  readonly operand?: string | boolean | undefined
  readonly config?: string | boolean | undefined
  readonly log?: string | boolean | undefined
  readonly json?: string | boolean | undefined
}

/** `llb explain`: the life of one request, read beside a running server. */
export function explainCommand(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  return withLog(values, env, ({ reader, file }) => {
    const told = explain(reader, String(values.operand))
    if ('missing' in told) {
      process.stderr.write(`${file}: ${told.message}\n`)
      return 1
    }
    const text = values.json === true ? `${JSON.stringify(told, null, 2)}\n` : describeExplanation(told)
    process.stdout.write(text)
    return 0
  })
}
