import { describeConfig } from '../config/describe.ts'
import type { Values } from './command.ts'
import { configurationOf } from './configuration.ts'

/** `llb check`: what the configuration would serve, or all that is wrong with it. */
export function check(values: Values, env: NodeJS.ProcessEnv): number {
  const loaded = configurationOf(values.config, env)
  if (loaded === null) return 2
  process.stdout.write(`${describeConfig(loaded.config, env).trimEnd()}\n`)
  for (const warning of loaded.warnings) process.stdout.write(`warning: ${warning}\n`)
  return 0
}
