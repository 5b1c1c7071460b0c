import { redact } from '../config/redact.ts'
import { controlOf, type WhatIf, WhatIfError, type WhatIfOptions, whatIf } from '../replay/what-if/what-if.ts'
import type { Written } from '../replay/what-if/translate.ts'
import { failed, type Values, wrong } from './command.ts'
import { configurationOf } from './configuration.ts'
import { withLog } from './log-option.ts'
import { MOMENT_HELP, momentOf } from './moment.ts'
import { createProgress, type Progress } from './progress.ts'
import { describeWhatIf } from './what-if-report.ts'

const CHANGES = '10'

/** `llb what-if`: what another configuration would have done with the requests of a log. */
export async function whatIfCommand(values: Values, env: NodeJS.ProcessEnv): Promise<number> {
  const { changes = CHANGES, json } = values
  if (typeof changes !== 'string' || !/^\d{1,9}$/.test(changes))
    return wrong(`--changes is "${changes}"; it must be a whole number of at least 0.`)
  const span = spanOf(values)
  if (typeof span === 'string') return wrong(span)
  const loaded = configurationOf(values.config, env)
  if (loaded === null) return 2
  const config = redact(loaded.config) as Written
  const file = typeof values.log === 'string' ? values.log : loaded.config.eventLog.path
  return withLog({ log: file }, env, ({ reader }) => {
    const options = { log: reader, config, ...span }
    const result = compared(options)
    if (typeof result === 'string') return failed(`${file}: ${result}`)
    const control = values.control === true ? withProgress(options, (all) => controlOf(all, result)) : null
    if (values.control === true && control === null) process.stderr.write(`${noControl(result)}\n`)
    const title = `The requests of ${file}, under ${loaded.file}\n`
    const text = () => `${title}${describeWhatIf(result, Number(changes), control)}`
    const told = { log: file, config: loaded.file, ...result, control }
    const whole = () => `${JSON.stringify(told, null, 2)}\n`
    process.stdout.write(json === true ? whole() : text())
    return 0
  })
}

function noControl({ parted_after: parted }: WhatIf): string {
  if (parted === null) return 'There is no control: nothing was simulated.'
  return 'There is no control of several configurations: name a span of one with --from and --to.'
}

/** The result, or why there is none. */
function compared(options: WhatIfOptions): WhatIf | string {
  try {
    return withProgress(options, whatIf)
  } catch (error) {
    if (!(error instanceof WhatIfError)) throw error
    return error.message
  }
}

function withProgress<T>(options: WhatIfOptions, use: (options: WhatIfOptions) => T): T {
  let bar: Progress | undefined
  const progress = (done: number, total: number) => {
    bar ??= createProgress('looked at', total, 'events')
    bar.update(done)
  }
  try {
    return use({ ...options, progress })
  } finally {
    bar?.end()
  }
}

/** The span that a command line asks for, or what is wrong with it. */
function spanOf({ from, to }: Values): { from?: number; to?: number } | string {
  const now = Date.now()
  const span: { from?: number; to?: number } = {}
  for (const [name, text] of Object.entries({ from, to })) {
    if (typeof text !== 'string') continue
    const at = momentOf(text, now)
    if (at === null) return `--${name} is "${text}"; it must be ${MOMENT_HELP}.`
    span[name as 'from' | 'to'] = at
  }
  const { from: first, to: last } = span
  if (first !== undefined && last !== undefined && first >= last) return '--from must be before --to.'
  return span
}
