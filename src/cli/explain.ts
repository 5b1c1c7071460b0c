import { explain } from '../replay/explain/explain.ts'
import { failed, type Values } from './command.ts'
import { describeExplanation } from './explain-report.ts'
import { withLog } from './log-option.ts'

/** `llb explain`: the life of one request, read beside a running server. */
export function explainCommand(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  return withLog(values, env, ({ reader, file }) => {
    const told = explain(reader, String(values.operand))
    if ('missing' in told) return failed(`${file}: ${told.message}`)
    const text = values.json === true ? `${JSON.stringify(told, null, 2)}\n` : describeExplanation(told)
    process.stdout.write(text)
    return 0
  })
}
