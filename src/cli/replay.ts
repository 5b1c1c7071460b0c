import { replayAt } from './replay-at.ts'
import { replayVerify } from './replay-verify.ts'

export interface ReplayValues {
  readonly config?: string | boolean | undefined
  readonly log?: string | boolean | undefined
  readonly json?: string | boolean | undefined
  readonly at?: string | boolean | undefined
  readonly follow?: string | boolean | undefined
  readonly until?: string | boolean | undefined
  readonly verify?: string | boolean | undefined
}

/** `llb replay`: what the event log tells when it is run through again. */
export function replay(values: ReplayValues, env: NodeJS.ProcessEnv): number | Promise<number> {
  if (values.verify === true) return replayVerify(values, env)
  if (values.at !== undefined || values.follow === true) return replayAt(values, env)
  process.stderr.write(
    'Say what to do: --at PLACE, --follow or --verify.\nllb replay --help lists the options.\n',
  )
  return 2
}
