import { type Values, wrong } from './command.ts'
import { replayAt } from './replay-at.ts'
import { replayVerify } from './replay-verify.ts'

/** `llb replay`: what the event log tells when it is run through again. */
export function replay(values: Values, env: NodeJS.ProcessEnv): number | Promise<number> {
  if (values.verify === true) return replayVerify(values, env)
  if (values.at !== undefined || values.follow === true) return replayAt(values, env)
  return wrong('Say what to do: --at PLACE, --follow or --verify.\nllb replay --help lists the options.')
}
